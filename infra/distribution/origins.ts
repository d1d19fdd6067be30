import type { Deployment } from '../../shared/config/parse.ts'
import { ids, resourceName } from '../names.ts'
import { type Fragment, getAtt, sub } from '../template.ts'

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
