import type { KmsSign } from '../../cloudfront/signer.ts'
import { type AwsConnection, awsSend } from './aws-send.ts'

/**
 * KMS `Sign` by a signed request, in the Region of the key's ARN, else us-east-1. The role may sign with the keys of `keys.kmsKeys`
 * alone, so a key that only the key document names is refused by KMS.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
export function createKmsSign(aws: AwsConnection): KmsSign {
  return async (keyId, signingAlgorithm, message) => {
    const region = /^arn:[^:]+:kms:([a-z0-9-]+):/.exec(keyId)?.[1] ?? 'us-east-1'
    const { status, body } = await awsSend(
      {
        service: 'kms',
        region,
        url: `https://kms.${region}.amazonaws.com/`,
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.Sign' },
        body: JSON.stringify({
          KeyId: keyId,
          Message: Buffer.from(message).toString('base64'),
          MessageType: 'RAW',
          SigningAlgorithm: signingAlgorithm,
        }),
      },
      aws,
    )
    // The body of a refusal names the role and the key: not for a message.
    if (status !== 200) throw new Error(`KMS answered ${status}`)
    return Buffer.from(JSON.parse(body).Signature, 'base64')
  }
}
