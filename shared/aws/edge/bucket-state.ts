import { ServiceError } from '../../errors.ts'
import { revocationStateKey } from '../../revocation/state.ts'
import { type AwsConnection, awsSend } from './aws-send.ts'

/** The revocation state in a bucket, for readers only. */
export interface BucketState {
  /**
   * Returns the text of the state.
   *
   * @throws ServiceError `ERR_STATE_UNAVAILABLE`.
   */
  load(): Promise<string>
}

/**
 * Reads the revocation state by a signed request. Every deploy creates the state, so a missing object is a fault and never
 * "nothing revoked": 404, or 403 to a role without `s3:ListBucket`, counts as an outage. The caller uses its copy for five
 * minutes, then mints nothing.
 */
export function createBucketState(bucket: () => Promise<string>, region: string, aws: AwsConnection): BucketState {
  return {
    async load() {
      const url = `https://${await bucket()}.s3.${region}.amazonaws.com/${revocationStateKey}`
      const { status, body } = await awsSend({ service: 's3', region, url }, aws).catch((cause: unknown) => {
        throw new ServiceError('ERR_STATE_UNAVAILABLE', 'S3 gave no answer', { cause })
      })
      if (status !== 200) throw new ServiceError('ERR_STATE_UNAVAILABLE', `S3 answered ${status}`)
      return body
    },
  }
}
