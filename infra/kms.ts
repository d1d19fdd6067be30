import type { Deployment } from '../shared/config/parse.ts'
import { ids } from './names.ts'
import { sub } from './template.ts'

type Statement = Readonly<Record<string, unknown>>

/**
 * `kms:Decrypt`, and `kms:GenerateDataKey` for functions that write, with the key of a bucket that is encrypted with SSE-KMS. Only
 * through S3 in the bucket's Region: the functions themselves decrypt nothing. Without it S3 refuses with AccessDenied, which
 * looks like a missing permission of S3. No statement where the bucket uses S3's own keys.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
 */
export function bucketKmsStatements({ config }: Deployment, access: 'read' | 'write'): readonly Statement[] {
  const { bucketKmsKey, bucketRegion } = config
  if (bucketKmsKey === null) return []
  return [
    {
      Effect: 'Allow',
      Action: access === 'read' ? ['kms:Decrypt'] : ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: bucketKmsKey,
      Condition: { StringEquals: { 'kms:ViaService': `s3.${bucketRegion}.amazonaws.com` } },
    },
  ]
}

/** The statement that the key's own policy needs, as JSON text: CloudFront reads the bucket with its own identity, not a role's. */
export function bucketKeyPolicyTemplate({ config }: Deployment): unknown {
  const distribution = config.attach ? '*' : `\${${ids.distribution}}`
  const arn = `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:distribution/${distribution}`
  return sub(
    JSON.stringify({
      Sid: 'ReadThroughCloudFront',
      Effect: 'Allow',
      Principal: { Service: 'cloudfront.amazonaws.com' },
      Action: 'kms:Decrypt',
      Resource: '*',
      Condition: { ArnLike: { 'AWS:SourceArn': arn } },
    }),
  )
}

/**
 * `kms:Sign` for the functions that sign policies: with the keys that the stage names, by the two algorithms that CloudFront can
 * verify, and of messages only. A digest of somebody's choice is not signed. A stage that names no key gets no permission.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-signing-algorithm
 */
export function kmsSignStatements({ config }: Deployment): readonly Readonly<Record<string, unknown>>[] {
  const { kmsKeys } = config.keys
  if (kmsKeys.length === 0) return []
  return [
    {
      Effect: 'Allow',
      Action: 'kms:Sign',
      Resource: kmsKeys,
      Condition: {
        StringEquals: {
          'kms:SigningAlgorithm': ['ECDSA_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_256'],
          'kms:MessageType': 'RAW',
        },
      },
    },
  ]
}
