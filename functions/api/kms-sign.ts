import { AwsClient } from 'aws4fetch'
import type { KmsSign } from '../../shared/cloudfront/signer.ts'
import type { AwsCredentials } from '../../shared/keys/signature-v4.ts'

/**
 * KMS `Sign` by a signed `fetch`, in the Region of the key's ARN, else us-east-1; 2 s, one try, as the caller may ask again.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
export function createKmsSign(credentials: () => AwsCredentials): KmsSign {
  return async (keyId, signingAlgorithm, message) => {
    const region = /^arn:[^:]+:kms:([a-z0-9-]+):/.exec(keyId)?.[1] ?? 'us-east-1'
    const { accessKeyId, secretAccessKey, sessionToken } = credentials()
    const token = sessionToken === undefined ? {} : { sessionToken }
    const client = new AwsClient({ accessKeyId, secretAccessKey, ...token, service: 'kms', region, retries: 0 })
    const response = await client.fetch(`https://kms.${region}.amazonaws.com/`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.Sign' },
      body: JSON.stringify({
        KeyId: keyId,
        Message: Buffer.from(message).toString('base64'),
        MessageType: 'RAW',
        SigningAlgorithm: signingAlgorithm,
      }),
      signal: AbortSignal.timeout(2000),
    })
    if (!response.ok) throw new Error(`KMS answered ${response.status}`)
    const body = (await response.json()) as { Signature: string }
    return Buffer.from(body.Signature, 'base64')
  }
}
