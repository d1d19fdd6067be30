import { type CloudFrontClient, CreateInvalidationCommand } from '@aws-sdk/client-cloudfront'
import { ServiceError } from '../errors.ts'
import type { CdnInvalidation } from './asset-store.ts'

/** For a stage whose distribution is unknown or absent: nothing is held, so nothing is to be forgotten. */
export const noInvalidation: CdnInvalidation = { async invalidate() {} }

/**
 * Invalidations of a distribution. The caller reference is made from `newReference`, so two in one second are two.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Invalidation.html
 *
 * CloudFront bills paths above 1,000 a month, and an answer in a cache for at most the behaviour's TTL is no breach; so a
 * failure here does not undo the write. It is told to `onFailure`.
 */
export function createCloudFrontInvalidation(
  client: CloudFrontClient,
  distributionId: string,
  newReference: () => string,
  onFailure: (error: ServiceError) => void,
): CdnInvalidation {
  return {
    async invalidate(paths) {
      try {
        await client.send(
          new CreateInvalidationCommand({
            DistributionId: distributionId,
            InvalidationBatch: {
              CallerReference: newReference(),
              Paths: { Quantity: paths.length, Items: [...paths] },
            },
          }),
        )
      } catch (cause) {
        onFailure(new ServiceError('ERR_STORE_UNAVAILABLE', 'CloudFront took no invalidation', { cause }))
      }
    },
  }
}
