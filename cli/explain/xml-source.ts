import { type CloudFrontErrorCode, cloudFrontErrorMessages } from '../../shared/cloudfront/errors.ts'
import type { HttpAnswer } from '../input/http-answer.ts'
import { type Recognised, source } from './answer-source.ts'
import type { PathKind } from './path-kind.ts'

/** CloudFront's own refusals and S3's both are XML; S3's also names its request. */
export function xmlSource(code: string, body: string, headers: HttpAnswer['headers'], path: PathKind): Recognised {
  const isS3 = headers.has('x-amz-request-id') || headers.get('server') === 'AmazonS3' || body.includes('<HostId>')
  if (!isS3 && Object.hasOwn(cloudFrontErrorMessages, code)) {
    return source(
      'key-group',
      code,
      `CloudFront's key group, with ${code}`,
      keyGroupRemedies[code as CloudFrontErrorCode],
    )
  }
  const accepted = path === 'private' ? 'The signature was accepted. ' : ''
  const remedy =
    code === 'AccessDenied'
      ? 'Let the bucket policy allow this distribution (SourceArn) s3:GetObject, and s3:ListBucket so that a missing object is a 404; for SSE-KMS also the key.'
      : 'The request failed in the bucket.'
  return source('s3', code, `S3, with ${code}`, `${accepted}${remedy}`)
}

const keyGroupRemedies: Readonly<Record<CloudFrontErrorCode, string>> = {
  MissingKey: 'No key id reached CloudFront: the cookies were not sent, or the URL lost its parameters.',
  InvalidKey: 'The key is not in the key group of the behaviour that matched this path.',
  MalformedSignature: 'The signature did not arrive as it was made.',
  MalformedPolicy: 'The policy did not arrive as it was made.',
  AccessDenied:
    'The signature or the policy does not hold. If every check above passes, what reached CloudFront is not what was given here, or its keys are others.',
}
