/** The secret that holds the key document, with the versions and staging labels of Secrets Manager. */
export interface KeySecret {
  /** The id, `<service>/<stage>/keys`: it marks what belongs to these keys in CloudFront, too. */
  readonly id: string
  /** `undefined` where there is no such secret. A secret marked for deletion is described. */
  describe(): Promise<SecretDescription | undefined>
  /** One version; `undefined` where it does not exist or holds no text. */
  read(versionId: string): Promise<SecretVersion | undefined>
  /** Makes the secret. `owner` is kept as the tag `ownerTag`. */
  create(json: string, owner: string): Promise<void>
  /** Takes a deletion back, for a new owner. */
  restore(owner: string): Promise<void>
  /** Marks the secret for deletion: it can be restored for seven days. */
  remove(): Promise<void>
  /** Deletes a secret at once; only for one that was made a moment ago and never used. */
  erase(): Promise<void>
  /** Adds a version under the label `AWSPENDING`. */
  addPending(versionId: string, json: string): Promise<void>
  /** Takes `AWSPENDING` away from a version: the rotation that made it cannot go on. */
  dropPending(versionId: string): Promise<void>
  /** Moves `AWSCURRENT`, unless it is no longer on `from`. */
  makeCurrent(versionId: string, from: string): Promise<'moved' | 'changed-meanwhile'>
  /** Adds a version and makes it the current one, unless `AWSCURRENT` is no longer on `from` (`undefined`: on none with a text). */
  replaceCurrent(json: string, from: string | undefined): Promise<'moved' | 'changed-meanwhile'>
}

/** What a secret is, without its text. */
export interface SecretDescription {
  readonly arn: string
  /** Value of the tag `ownerTag`: the id of the stack that made it. */
  readonly owner: string | undefined
  readonly markedForDeletion: boolean
  /** The version labelled `AWSCURRENT`. */
  readonly current: string | undefined
  /** The version labelled `AWSPENDING`. */
  readonly pending: string | undefined
}

/** One version of a secret. */
export interface SecretVersion {
  readonly id: string
  readonly json: string
  /** Epoch seconds, by Secrets Manager's clock. */
  readonly createdAt: number
}

/** The tag that names the stack whose keys these are, so that a second stack of the same name touches nothing. */
export const ownerTag = 'edge-signer:stack'
