import type { Deployment } from '../../shared/config/parse.ts'
import { ids, resourceName } from '../names.ts'
import { type Fragment, getAtt, ref, sub } from '../template.ts'

/** Ids of the distribution's origins. */
export const origins = { bucket: 'bucket', api: 'api', app: 'app' } as const

/** The distribution's origins: the bucket, the API, and the app where there is one. */
export function distributionOrigins(deployment: Deployment): readonly Record<string, unknown>[] {
  const { appOrigin } = deployment.config
  const api = httpsOrigin(origins.api, sub(`\${${ids.httpApi}}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}`))
  return [bucketOrigin(deployment), api, ...(appOrigin === null ? [] : [httpsOrigin(origins.app, appOrigin)])]
}

/** CloudFront signs its own requests to S3 (SigV4), so the bucket needs no public access. */
export function originAccessControlFragment(deployment: Deployment): Fragment {
  return {
    Resources: {
      [ids.originAccessControl]: {
        Type: 'AWS::CloudFront::OriginAccessControl',
        Properties: {
          OriginAccessControlConfig: {
            Name: resourceName(deployment, 'bucket'),
            OriginAccessControlOriginType: 's3',
            SigningBehavior: 'always',
            SigningProtocol: 'sigv4',
          },
        },
      },
    },
  }
}

/** The Regional name: the global one answers with a redirect to the Region until DNS has caught up. */
function bucketOrigin({ config }: Deployment): Record<string, unknown> {
  return {
    Id: origins.bucket,
    DomainName:
      config.bucket === null
        ? getAtt(ids.bucket, 'RegionalDomainName')
        : sub(`${config.bucket}.s3.${config.bucketRegion}.\${AWS::URLSuffix}`),
    ...(config.keyPrefix === '' ? {} : { OriginPath: `/${config.keyPrefix.slice(0, -1)}` }),
    OriginAccessControlId: getAtt(ids.originAccessControl, 'Id'),
    // Empty, as an origin access control takes the place of the older identity.
    S3OriginConfig: { OriginAccessIdentity: '' },
  }
}

function httpsOrigin(id: string, domainName: unknown): Record<string, unknown> {
  return {
    Id: id,
    DomainName: domainName,
    CustomOriginConfig: { OriginProtocolPolicy: 'https-only', OriginSSLProtocols: ['TLSv1.2'] },
  }
}

/** AWS's own policy CachingDisabled. */
export const cachingDisabled = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad'

/** How everything from the bucket is cached. */
export const objectsCachePolicy = ref(ids.objectsCachePolicy)

/**
 * Objects are cached by their path alone: all users of a path share one copy, and CloudFront serves any Range from it. The
 * signature is checked before the cache. No managed policy fits: all of them add `Accept-Encoding` or a minimum time.
 */
export function cachePolicyFragment(deployment: Deployment): Fragment {
  const maxSeconds = deployment.config.cdnCacheSeconds
  return {
    Resources: {
      [ids.objectsCachePolicy]: {
        Type: 'AWS::CloudFront::CachePolicy',
        Properties: {
          CachePolicyConfig: {
            Name: resourceName(deployment, 'objects'),
            Comment: 'Objects of the bucket, by path alone',
            MinTTL: 0,
            // `DefaultTTL` is for objects without Cache-Control, which are most. With 0 for both CloudFront keeps nothing.
            DefaultTTL: Math.min(86_400, maxSeconds),
            MaxTTL: maxSeconds,
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
