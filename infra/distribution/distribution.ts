import type { Deployment } from '../../shared/config/parse.ts'
import { ids, resourceName } from '../names.ts'
import type { Fragment } from '../template.ts'
import { cacheBehaviors, defaultBehavior, errorPagePath } from './behaviours.ts'
import { distributionOrigins } from './origins.ts'
import { hasErrorPage } from './response-headers-policy.ts'

/**
 * The distribution. Everything is decided here and nothing by CloudFormation conditions, so that the packaged template shows
 * what will run.
 */
export function distributionFragment(deployment: Deployment): Fragment {
  if (deployment.config.attach) return {}
  return {
    Resources: {
      [ids.distribution]: {
        Type: 'AWS::CloudFront::Distribution',
        // In gate mode nothing in the distribution names the key group, and it could serve before its keys exist.
        DependsOn: [ids.signingKeys],
        Properties: {
          DistributionConfig: {
            Comment: resourceName(deployment, 'files'),
            Enabled: true,
            HttpVersion: 'http2and3',
            // A policy can be bound to an IPv4 address only; over IPv6 every bound cookie would be refused.
            IPV6Enabled: !deployment.config.cookies.ipBinding,
            Origins: distributionOrigins(deployment),
            CacheBehaviors: cacheBehaviors(deployment),
            DefaultCacheBehavior: defaultBehavior(deployment),
            ...errorResponses(deployment),
            ...viewerCertificate(deployment),
          },
        },
      },
    },
  }
}

/** CloudFront's 403 (no valid cookies) becomes our page, still with status 403 and never kept. */
function errorResponses(deployment: Deployment): Record<string, unknown> {
  if (!hasErrorPage(deployment)) return {}
  return {
    CustomErrorResponses: [
      { ErrorCode: 403, ResponseCode: 403, ResponsePagePath: errorPagePath, ErrorCachingMinTTL: 0 },
    ],
  }
}

function viewerCertificate({ config }: Deployment): Record<string, unknown> {
  if (config.certificateArn === null) return { ViewerCertificate: { CloudFrontDefaultCertificate: true } }
  return {
    ...(config.hosts.all.length === 0 ? {} : { Aliases: [...config.hosts.all] }),
    ViewerCertificate: {
      AcmCertificateArn: config.certificateArn,
      SslSupportMethod: 'sni-only',
      MinimumProtocolVersion: 'TLSv1.2_2021',
    },
  }
}
