import type { Deployment } from '../../shared/config/parse.ts'
import { privateBucket, privateBucketProperties } from '../bucket.ts'
import { ids, resourceName } from '../names.ts'
import { type Fragment, getAtt, ref, sub } from '../template.ts'

/**
 * Fields of each log line. Left out on purpose, because they would open files for a reader of the log: `cs(Cookie)` (signed
 * cookies, the app session), `cs-uri-query` (signed URLs) and `cs(Referer)` (the signed URL of the page before).
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
 */
export const accessLogFields = [
  'date',
  'time',
  'x-edge-location',
  'sc-bytes',
  'c-ip',
  'cs-method',
  'cs(Host)',
  'cs-uri-stem',
  'sc-status',
  'cs(User-Agent)',
  'x-edge-result-type',
  'x-edge-request-id',
  'x-host-header',
  'cs-protocol',
  'cs-bytes',
  'time-taken',
  'x-edge-response-result-type',
  'cs-protocol-version',
  'time-to-first-byte',
  'x-edge-detailed-result-type',
  'sc-content-type',
  'sc-content-len',
  'sc-range-start',
  'sc-range-end',
]

/**
 * The distribution's access logs, by standard logging (v2): the older kind writes every field. Into a bucket of their own:
 * storage costs a twentieth of what CloudWatch Logs takes for each line that comes in, and most are never read. It is private and
 * emptied by its lifecycle.
 */
export function accessLogsFragment(deployment: Deployment): Fragment {
  const { attach, operations } = deployment.config
  // An attached distribution's owner decides what it logs.
  if (attach || operations.accessLogDays === null) return {}
  const name = resourceName(deployment, 'access-logs')
  return {
    Resources: {
      [ids.accessLogBucket]: bucket(operations.accessLogDays),
      AccessLogBucketPolicy: {
        Type: 'AWS::S3::BucketPolicy',
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
        Properties: {
          Bucket: ref(ids.accessLogBucket),
          PolicyDocument: { Version: '2012-10-17', Statement: statements(name) },
        },
      },
      AccessLogSource: {
        Type: 'AWS::Logs::DeliverySource',
        Properties: {
          Name: name,
          LogType: 'ACCESS_LOGS',
          ResourceArn: sub(
            `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:distribution/\${${ids.distribution}}`,
          ),
        },
      },
      AccessLogDestination: {
        Type: 'AWS::Logs::DeliveryDestination',
        // CloudWatch Logs tries the bucket when the destination is made.
        DependsOn: ['AccessLogBucketPolicy'],
        Properties: {
          Name: name,
          DestinationResourceArn: getAtt(ids.accessLogBucket, 'Arn'),
          OutputFormat: 'json',
        },
      },
      AccessLogDelivery: {
        Type: 'AWS::Logs::Delivery',
        Properties: {
          DeliverySourceName: ref('AccessLogSource'),
          DeliveryDestinationArn: getAtt('AccessLogDestination', 'Arn'),
          RecordFields: accessLogFields,
          S3SuffixPath: '{yyyy}/{MM}/{dd}/{HH}',
        },
      },
    },
    Outputs: {
      AccessLogBucketName: { Description: 'Bucket of the access logs', Value: ref(ids.accessLogBucket) },
    },
  }
}

/** Without a name of our own: it stays when the stack goes, and the next stack of this name makes another. */
function bucket(days: number) {
  return {
    ...privateBucket,
    Properties: {
      ...privateBucketProperties,
      LifecycleConfiguration: {
        Rules: [{ Id: 'expire-access-logs', Status: 'Enabled', ExpirationInDays: days }],
      },
    },
  } as const
}

/**
 * Only the log delivery of this very source writes here: without `aws:SourceArn` any account's could (confused deputy).
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html
 */
function statements(sourceName: string): readonly Record<string, unknown>[] {
  const bucketArn = `arn:\${AWS::Partition}:s3:::\${${ids.accessLogBucket}}`
  return [
    {
      Sid: 'DeliverAccessLogs',
      Effect: 'Allow',
      Principal: { Service: 'delivery.logs.amazonaws.com' },
      Action: 's3:PutObject',
      Resource: sub(`${bucketArn}/AWSLogs/\${AWS::AccountId}/CloudFront/*`),
      Condition: {
        StringEquals: {
          's3:x-amz-acl': 'bucket-owner-full-control',
          'aws:SourceAccount': ref('AWS::AccountId'),
        },
        ArnLike: {
          'aws:SourceArn': sub(
            `arn:\${AWS::Partition}:logs:us-east-1:\${AWS::AccountId}:delivery-source:${sourceName}`,
          ),
        },
      },
    },
    {
      Sid: 'RefusePlainHttp',
      Effect: 'Deny',
      Principal: '*',
      // Every action, as this denies.
      Action: 's3:*',
      Resource: [sub(bucketArn), sub(`${bucketArn}/*`)],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  ]
}
