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
