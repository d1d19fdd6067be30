import type { AwsAnswer, AwsRequest } from '../../../local/aws/network.ts'
import { revocationStateKey } from '../../../shared/revocation/state.ts'
import type { StateObject } from '../../../shared/revocation/stores.ts'

/**
 * Answers for the state object as S3 does. A function's role may read and write nothing else below `_state/`.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export async function answerStateObject(request: AwsRequest, state: StateObject): Promise<AwsAnswer> {
  const { method, path, headers, body } = request
  if (!headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=')) return s3Error(403, 'AccessDenied')
  if (decodeURIComponent(path) !== `/${revocationStateKey}`) return s3Error(403, 'AccessDenied')
  const current = await state.load()
  if (method === 'GET') {
    if (current === undefined) return s3Error(404, 'NoSuchKey')
    return { status: 200, headers: { 'content-type': 'application/json', etag: current.version }, body: current.json }
  }
  if (method !== 'PUT') return s3Error(403, 'AccessDenied')
  const ifMatch = headers['if-match']
  if (ifMatch === undefined && headers['if-none-match'] !== '*') return s3Error(400, 'InvalidRequest')
  if (ifMatch !== undefined && current === undefined) return s3Error(404, 'NoSuchKey')
  const outcome = await state.save(body.toString('utf8'), ifMatch)
  return outcome === 'saved' ? { status: 200 } : s3Error(412, 'PreconditionFailed')
}

function s3Error(status: number, code: string): AwsAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`
  return { status, headers: { 'content-type': 'application/xml' }, body }
}
