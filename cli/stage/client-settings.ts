/** What every client is made with. Without more than the Region: whatever the AWS SDK finds (`AWS_PROFILE`, roles, …). */
export interface ClientSettings {
  readonly region: string
  /** An emulator of AWS. */
  readonly endpoint?: string
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly requestHandler?: object
}

/** All of a stage lives there, but perhaps the bucket. */
export const awsDefaults: ClientSettings = { region: 'us-east-1' }
