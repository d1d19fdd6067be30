import type { Deployment } from '../shared/config/parse.ts'

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
