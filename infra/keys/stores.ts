/** What the key command needs of AWS, as small as it can be, so that it can be tested without AWS. */
export interface KeyStores {
  readonly cloudFront: TrustedKeys
  readonly secrets: NamedValues
  readonly parameters: NamedValues
}

/** CloudFront's public keys and key groups. */
export interface TrustedKeys {
  /** @returns the id of the new public key. `name` must be new. */
  createPublicKey(name: string, pem: string): Promise<string>
  deletePublicKey(id: string): Promise<void>
  findKeyGroup(name: string): Promise<KeyGroup | undefined>
  /** @returns the id of the new key group. */
  createKeyGroup(name: string, keyPairIds: readonly string[]): Promise<string>
  /** Replaces the group's list of keys. */
  updateKeyGroup(group: KeyGroup, keyPairIds: readonly string[]): Promise<void>
  deleteKeyGroup(id: string): Promise<void>
}

/** A key group and the ids of its public keys. */
export interface KeyGroup {
  readonly id: string
  readonly name: string
  readonly keyPairIds: readonly string[]
}

/** Texts by name: secrets, or SSM parameters. */
export interface NamedValues {
  /** `undefined` where there is none of this name. */
  read(name: string): Promise<string | undefined>
  /** Creates it; `write` of an existing secret is refused, of an existing parameter replaces it. */
  write(name: string, value: string): Promise<void>
  remove(name: string): Promise<void>
}

/** What the stamp command needs of the deployed stack. */
export interface StackStores {
  readonly secrets: Pick<NamedValues, 'read'>
  readonly keyValues: {
    read(key: string): Promise<string | undefined>
    write(key: string, value: string): Promise<void>
  }
  readonly objects: {
    write(key: string, body: Uint8Array, contentType: string): Promise<void>
    /** @returns false where there is an object of this key already. */
    writeIfAbsent(key: string, body: Uint8Array, contentType: string): Promise<boolean>
  }
}

/** Receives one line for each step; never a secret. */
export type Report = (line: string) => void
