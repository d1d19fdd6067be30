/** CloudFront's public keys and key groups, as small as the life of a signing key needs them. */
export interface TrustedKeys {
  /**
   * Makes a public key. `name` is unique in the account; a key of this name and PEM that is there already is returned.
   *
   * @throws ServiceError `ERR_KEYS_LIMIT` where the account holds no more public keys (10 by default);
   *   ConcurrentChangeError where the key is there and not listed yet.
   */
  createPublicKey(key: NewPublicKey): Promise<PublishedKey>
  /** Every public key of the account. The list lags behind: a key that it lacks may exist, one that it has may be gone. */
  listPublicKeys(): Promise<readonly PublishedKey[]>
  /** One public key, as it is now; `undefined` where it does not exist. */
  findPublicKey(id: string): Promise<PublishedKey | undefined>
  /** A key that is gone already is fine; one that a key group still holds stays. */
  deletePublicKey(id: string): Promise<'deleted' | 'in-use'>
  /** The group as it is now. It is found by a list that lags behind: `undefined` is no proof that there is none. */
  findKeyGroup(name: string): Promise<KeyGroup | undefined>
  /** Makes a group; its name is unique in the account. */
  createKeyGroup(group: Pick<KeyGroup, 'name' | 'comment' | 'keyPairIds'>): Promise<KeyGroup | 'exists'>
  /** Replaces the list of keys, unless somebody changed the group since it was read. */
  updateKeyGroup(group: KeyGroup, keyPairIds: readonly string[]): Promise<'updated' | 'changed-meanwhile'>
  /** A group that a distribution trusts stays; so does one that was changed since it was read. */
  deleteKeyGroup(group: KeyGroup): Promise<'deleted' | 'in-use' | 'changed-meanwhile'>
}

/** Properties of a new public key in CloudFront. */
export interface NewPublicKey {
  readonly name: string
  /** Owner of the key: the id of the secret with its private key. */
  readonly comment: string
  readonly pem: string
}

/** A public key as CloudFront lists it. */
export interface PublishedKey extends NewPublicKey {
  readonly id: string
  /** Epoch seconds, by CloudFront's clock. */
  readonly createdAt: number
}

/** A key group. */
export interface KeyGroup {
  readonly id: string
  readonly name: string
  readonly comment: string
  readonly keyPairIds: readonly string[]
  /** CloudFront's `ETag`, which an update must name. */
  readonly version: string
  /** Epoch seconds of the last change, by CloudFront's clock. */
  readonly modifiedAt: number
}

/** Public keys that one group may hold ("Quotas on key groups", CloudFront Developer Guide). */
export const maxKeysInGroup = 5
