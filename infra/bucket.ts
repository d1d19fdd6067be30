import { endedName } from '../shared/assets/s3/location.ts'
import { originsOf } from '../shared/config/cdn-hosts.ts'
import type { Deployment } from '../shared/config/parse.ts'
import { anyOrigin, isOpenToAll } from '../shared/http/message.ts'
import { exposedHeaders, preflightMaxAge } from '../shared/read/cors.ts'
import { bucketPathPatterns } from './distribution/behaviours.ts'
import { bucketArn, bucketName, ids } from './names.ts'
import { type Fragment, ref, sub } from './template.ts'

/** Days until an upload that nobody published is thrown away. */
const incomingDays = 3
/** Days until it is forgotten that an upload ended: longer than its bytes could come again. */
const endedDays = 7
/** Days until the parts of an abandoned multipart upload are thrown away; they cost money and are invisible in a listing. */
const multipartDays = 7

/**
 * Our own bucket: private, encrypted, kept when the stack goes. Nothing where the stage uses an existing bucket: that one's
 * policy, CORS and lifecycle belong to its owner, and the `BucketPolicyToAdd` output says what it has to allow.
 */
export function bucketFragment(deployment: Deployment): Fragment {
  if (deployment.config.bucket !== null) return {}
  return {
    Resources: {
      [ids.bucket]: {
        ...privateBucket,
        Properties: {
          BucketName: bucketName(deployment),
          ...privateBucketProperties,
          // EventBridge, not a bucket notification: that would need the function before the bucket and the bucket before the function.
          NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
          LifecycleConfiguration: {
            Rules: [
              {
                Id: 'abort-incomplete-multipart-uploads',
                Status: 'Enabled',
                AbortIncompleteMultipartUpload: { DaysAfterInitiation: multipartDays },
              },
              {
                Id: 'expire-incoming',
                Status: 'Enabled',
                Prefix: `${deployment.config.keyPrefix}_incoming/`,
                ExpirationInDays: incomingDays,
              },
              {
                Id: 'expire-ended',
                Status: 'Enabled',
                Prefix: endedName(''),
                ExpirationInDays: endedDays,
              },
            ],
          },
          ...browserCors(deployment),
        },
      },
      BucketPolicy: {
        Type: 'AWS::S3::BucketPolicy',
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
        Properties: {
          Bucket: ref(ids.bucket),
          PolicyDocument: { Version: '2012-10-17', Statement: bucketStatements(deployment) },
        },
      },
    },
  }
}

/**
 * Policy of the bucket: only this distribution reads, and only over TLS. Without `AWS:SourceArn` any distribution of
 * any account could be pointed at the bucket (confused deputy).
 */
export function bucketStatements(deployment: Deployment): readonly Record<string, unknown>[] {
  const byDistribution = {
    Effect: 'Allow',
    Principal: { Service: 'cloudfront.amazonaws.com' },
    Condition: {
      ArnLike: {
        'AWS:SourceArn': sub(
          // An attached distribution is not in this stack, so its id is not known here: any of this account, none of another.
          `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:distribution/${
            deployment.config.attach ? '*' : `\${${ids.distribution}}`
          }`,
        ),
      },
    },
  }
  return [
    {
      Sid: 'ReadThroughCloudFront',
      ...byDistribution,
      Action: 's3:GetObject',
      // Only what a behaviour serves: a mistake in a distribution cannot show `_state/` or `_incoming/`.
      Resource: bucketPathPatterns(deployment).map((pattern) =>
        bucketArn(deployment, deployment.config.keyPrefix + pattern.slice(1)),
      ),
    },
    // Without ListBucket S3 answers 403 for a missing object, and the distribution would show the sign-in page for it. No
    // behaviour lets "/" reach the bucket, so nothing can be listed through it.
    { Sid: 'TellMissingFromForbidden', ...byDistribution, Action: 's3:ListBucket', Resource: bucketArn(deployment) },
    {
      Sid: 'RefusePlainHttp',
      Effect: 'Deny',
      Principal: '*',
      // Every action, as this denies.
      Action: 's3:*',
      Resource: [bucketArn(deployment), bucketArn(deployment, '*')],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  ]
}

/** The same statements as one `Fn::Sub` of JSON text, for an output: the owner of an existing bucket adds them by hand. */
export function bucketStatementTemplate(deployment: Deployment): unknown {
  return sub(
    JSON.stringify(bucketStatements(deployment), (_key, value) =>
      isSub(value) ? value['Fn::Sub'] : (value as unknown),
    ),
  )
}

function isSub(value: unknown): value is { 'Fn::Sub': string } {
  return typeof value === 'object' && value !== null && 'Fn::Sub' in value
}

/**
 * Browsers put parts straight into the bucket and need each part's ETag to complete the upload; where S3 serves downloads, pages
 * read them there. A page of the app on the CDN's own host is another origin to the bucket, too. The distribution's generated
 * name is not known here: the bucket would depend on the distribution, which depends on the bucket.
 */
function browserCors({ config }: Deployment): Record<string, unknown> {
  const { hosts, downloads, allowedOrigins } = config
  const isOpen = isOpenToAll(allowedOrigins)
  // The Files page of a distribution without a name of its own uploads from the generated name. CORS only decides which pages may read
  // the answer; the presigned URL is what opens the bucket.
  const generated = config.pages.files && hosts.primary === null ? ['https://*.cloudfront.net'] : []
  const isRead = downloads.urls === 'presigned' || downloads.fallbackToS3
  const reading = isRead ? ['GET', 'HEAD'] : []
  const rule = (origins: readonly string[], methods: readonly string[]) => ({
    AllowedOrigins: origins,
    AllowedMethods: methods,
    AllowedHeaders: ['*'],
    ExposedHeaders: isRead ? exposedHeaders : ['ETag'],
    MaxAge: preflightMaxAge,
  })
  const rules = [
    rule(
      [...new Set([...(isOpen ? [] : allowedOrigins), ...originsOf(hosts), ...generated])],
      ['PUT', 'POST', ...reading],
    ),
    rule(isOpen ? [anyOrigin] : [], reading),
  ].filter(({ AllowedOrigins, AllowedMethods }) => AllowedOrigins.length > 0 && AllowedMethods.length > 0)
  return rules.length === 0 ? {} : { CorsConfiguration: { CorsRules: rules } }
}

/**
 * Settings of every bucket of the stack: it stays when the stack is removed, is encrypted, has one owner, and is never public,
 * regardless of a later policy or ACL.
 */
export const privateBucket = {
  Type: 'AWS::S3::Bucket',
  DeletionPolicy: 'RetainExceptOnCreate',
  UpdateReplacePolicy: 'Retain',
} as const

/** The properties of a private bucket; see `privateBucket`. */
export const privateBucketProperties = {
  BucketEncryption: {
    ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
  },
  OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
  PublicAccessBlockConfiguration: {
    BlockPublicAcls: true,
    BlockPublicPolicy: true,
    IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  },
} as const
