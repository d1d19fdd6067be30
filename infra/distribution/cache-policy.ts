import type { Deployment } from '../../shared/config/parse.ts'
import { ids, resourceName } from '../names.ts'
import { type Fragment, ref } from '../template.ts'

/** AWS's own policy CachingDisabled. */
export const cachingDisabled = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad'

/** How everything from the bucket is cached. */
export const objectsCachePolicy = ref(ids.objectsCachePolicy)

/**
 * Objects are cached by their path alone: all users of a path share one copy, and CloudFront serves any Range from it. The
 * signature is checked before the cache. No managed policy fits: all of them add `Accept-Encoding` or a minimum time.
 */
export function cachePolicyFragment(deployment: Deployment): Fragment {
  return {
    Resources: {
      [ids.objectsCachePolicy]: {
        Type: 'AWS::CloudFront::CachePolicy',
        Properties: {
          CachePolicyConfig: {
            Name: resourceName(deployment, 'objects'),
            Comment: 'Objects of the bucket, by path alone',
            MinTTL: 0,
            DefaultTTL: 86_400,
            MaxTTL: 31_536_000,
            ParametersInCacheKeyAndForwardedToOrigin: {
              CookiesConfig: { CookieBehavior: 'none' },
              QueryStringsConfig: { QueryStringBehavior: 'none' },
              // Neither Origin (S3 would answer CORS its own way, and each origin would need a copy) nor Range.
              HeadersConfig: { HeaderBehavior: 'none' },
              EnableAcceptEncodingGzip: false,
              EnableAcceptEncodingBrotli: false,
            },
          },
        },
      },
    },
  }
}
