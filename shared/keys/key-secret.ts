/** The secret that holds the key document, with the versions and staging labels of Secrets Manager. */
export interface KeySecret {
  /** The id, `<service>/<stage>/keys`: it marks what belongs to these keys in CloudFront, too. */
  readonly id: string
  /** `undefined` where there is no such secret. A secret marked for deletion is described. */
  describe(): Promise<SecretDescription | undefined>
  /** One version; `undefined` where it does not exist or holds no text. */
  read(versionId: string): Promise<SecretVersion | undefined>
  /**
   * Makes the secret. `owner` is kept as the tag `ownerTag`.
   *
   * @throws ConcurrentChangeError where the name is in use: by a secret that another run made, or by one that is being deleted.
   */
  create(json: string, owner: string): Promise<void>
  /** Takes a deletion back. The secret is `released` until `adopt` gives it an owner. */
  restore(): Promise<void>
  /** Gives the secret to an owner. */
  adopt(owner: string): Promise<void>
  /**
   * Releases the secret from its owner, then marks it for deletion: it can be restored for seven days.
   *
   * @param gone the stack that is removed with it, kept as the tag `goneTag`.
   */
  remove(gone?: GoneStack): Promise<void>
  /** Adds a version under the label `AWSPENDING`. */
  addPending(versionId: string, json: string): Promise<void>
  /** Takes a label away from a version; a label that is on it no more is fine. */
  dropLabel(label: VersionLabel, versionId: string): Promise<void>
  /** Puts the label `trustedLabel` on a version, from the version `from` that has it. */
  markTrusted(versionId: string, from: string | undefined): Promise<void>
  /**
   * Moves `AWSCURRENT`, unless it is no longer on `from`. After an error the label may be on either version: the request can
   * have been carried out and its answer lost.
   */
  makeCurrent(versionId: string, from: string): Promise<'moved' | 'changed-meanwhile'>
  /**
   * Adds a version and makes it the current one, unless `AWSCURRENT` is no longer on `from` (`undefined`: on none with a text).
   * After an error either may be current, as with `makeCurrent`.
   */
  replaceCurrent(json: string, from: string | undefined): Promise<'moved' | 'changed-meanwhile'>
}

/** Description of a secret, without its text. */
export interface SecretDescription {
  readonly arn: string
  /** Value of the tag `ownerTag`: the id of the stack whose keys these are, or `released`. */
  readonly owner: string | undefined
  /** Value of the tag `goneTag`. */
  readonly gone: GoneStack | undefined
  readonly markedForDeletion: boolean
  /** The version labelled `AWSCURRENT`. */
  readonly current: string | undefined
  /** The version labelled `AWSPENDING`. */
  readonly pending: string | undefined
  /** The version labelled `draftLabel`: the leftover of a change that was cut off. */
  readonly draft: string | undefined
  /** The version labelled `trustedLabel`. */
  readonly trusted: string | undefined
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

/**
 * The owner of a secret whose stack gave it up. Written before the deletion, because a secret that is marked for deletion takes
 * no tag: a deploy that is cut off between restoring and tagging leaves a secret that any later deploy may adopt.
 */
export const released = 'released'

/** A stack that was removed. `at`: epoch seconds. */
export interface GoneStack {
  readonly id: string
  readonly at: number
}

/**
 * The tag that names the last stack that was removed, after the time. Lambda may run a creation again whose answer CloudFormation
 * has long had: for a stack that is gone it must not restore the secret, which would belong to nobody then.
 */
export const goneTag = 'edge-signer:gone'

/**
 * Seconds in which a creation for a removed stack counts as late: the time that CloudFormation waits for an answer, and some more.
 * Not for ever, because CloudFormation may remove a resource that failed and create it again in the same stack.
 */
export const lateSeconds = 900

/** Label of a version on its way to `AWSCURRENT`; a version without any label may be deleted by Secrets Manager. */
export const draftLabel = 'edge-signer:draft'

/**
 * Label of the pending version whose key was added to the key group. Written before the key is added: where the label is there
 * and the key is not, an operator took the key out, and it must not come back.
 */
export const trustedLabel = 'edge-signer:trusted'

/** Labels that can be taken away. */
export type VersionLabel = 'AWSPENDING' | typeof draftLabel | typeof trustedLabel

/** Store of the key document: Secrets Manager when deployed, a file in the emulation. */
export interface SecretStore {
  /**
   * The current text of a secret.
   *
   * @throws ServiceError `ERR_KEYS_UNAVAILABLE`; the message holds nothing of the secret.
   */
  get(secretId: string): Promise<string>
}

/** The id of a stage's key document. */
export function keysSecretId(service: string, stage: string): string {
  return `${service}/${stage}/keys`
}
