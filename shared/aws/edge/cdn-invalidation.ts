import type { CdnInvalidation } from '../../assets/asset-store.ts'
import { ServiceError } from '../../errors.ts'
import { type AwsConnection, awsSend } from './aws-send.ts'

/** For a stage whose distribution is unknown or absent: nothing is held, so nothing is to be forgotten. */
export const noInvalidation: CdnInvalidation = { async invalidate() {} }

/** Dependencies of invalidations. */
export interface InvalidationDependencies extends AwsConnection {
  readonly distributionId: string
  /** Something that was never used before: CloudFront takes two invalidations with one reference for one. */
  readonly newReference: () => string
  /** Told of each failure; the write itself has succeeded by then. */
  readonly onFailure: (error: ServiceError) => void
}

/**
 * `CreateInvalidation` by a signed request: the SDK's client would be a sixth of the API's bundle. 3 s, two tries.
 * https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
 *
 * A failure does not undo the write, since that could fail too: `onFailure` reports it, and the behaviour's TTL ends the
 * old copy.
 */
export function createCloudFrontInvalidation(options: InvalidationDependencies): CdnInvalidation {
  const url = `https://cloudfront.amazonaws.com/2020-05-31/distribution/${options.distributionId}/invalidation`
  return {
    async invalidate(paths) {
      // One reference for both tries, so that the second one cannot become a second invalidation.
      const body = invalidationBatch(paths, options.newReference())
      // A global service: its signatures are always for us-east-1.
      const request = { service: 'cloudfront', region: 'us-east-1', url, headers: { 'content-type': 'text/xml' }, body }
      const failure = await awsSend(request, options, 3000).then(
        ({ status }) => (status < 300 ? undefined : `status ${status}`),
        (error: unknown) => (error instanceof Error ? error.name : 'no answer'),
      )
      if (failure) options.onFailure(new ServiceError('ERR_STORE_UNAVAILABLE', `CloudFront: ${failure}`))
    },
  }
}

/** Encoded paths hold nothing that XML would read otherwise: `&` is `%26`, `<` is `%3C`. */
function invalidationBatch(paths: readonly string[], reference: string): string {
  const items = paths.map((path) => `<Path>${path}</Path>`).join('')
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    '<InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">' +
    `<Paths><Quantity>${paths.length}</Quantity><Items>${items}</Items></Paths>` +
    `<CallerReference>${reference}</CallerReference></InvalidationBatch>`
  )
}
