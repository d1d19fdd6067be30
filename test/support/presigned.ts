import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { S3ServiceException } from '@aws-sdk/client-s3'

/**
 * Verifies a presigned request as S3 does: every header that was signed has to be there with the value that was signed.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 *
 * @throws S3ServiceException `SignatureDoesNotMatch`.
 */
export function requireSignature(
  method: string,
  url: URL,
  headers: Readonly<Record<string, string>>,
  secretAccessKey: string,
): void {
  const query = new URLSearchParams(url.search)
  const given = query.get('X-Amz-Signature') ?? ''
  query.delete('X-Amz-Signature')
  const pairs = [...query].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()]))
  const names = (query.get('X-Amz-SignedHeaders') ?? '').split(';')
  const canonical = [
    method,
    url.pathname,
    pairs.join('&'),
    ...names.map((name) => `${name}:${lower.get(name) ?? ''}`),
    '',
    names.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n')
  const date = query.get('X-Amz-Date') ?? ''
  const scope = (query.get('X-Amz-Credential') ?? '').split('/').slice(1)
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  )
  const key = scope.reduce<Buffer>((parent, part) => hmac(parent, part), Buffer.from(`AWS4${secretAccessKey}`))
  const expected = hmac(key, text)
  const signature = Buffer.from(given, 'hex')
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    const $metadata = { httpStatusCode: 403 }
    throw new S3ServiceException({ name: 'SignatureDoesNotMatch', $fault: 'client', message: 'refused', $metadata })
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** Percent-encoding of Signature Version 4. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}
