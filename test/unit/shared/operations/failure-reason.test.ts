import { NoSuchKey, S3ServiceException } from '@aws-sdk/client-s3'
import { InternalServiceError } from '@aws-sdk/client-secrets-manager'
import { describe, expect, it } from 'vitest'
import { ServiceError } from '../../../../shared/errors.ts'
import { failureReason } from '../../../../shared/operations/failure-reason.ts'

/** An error of a service as the SDK makes it where no model names it. */
function refusal(name: string, httpStatusCode: number): Error {
  return new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode }, message: 'text of AWS' })
}

describe('the reason of a failure', () => {
  it.each([
    ['NoSuchBucket', 404, /check bucket and bucketRegion/],
    ['PermanentRedirect', 301, /in another Region: check bucket and bucketRegion/],
    ['AuthorizationHeaderMalformed', 400, /in another Region: check bucket and bucketRegion/],
    ['TooManyKeyGroups', 400, /have it raised/],
    ['ThrottlingException', 400, /did not answer in time: deploy again/],
    ['SlowDown', 503, /did not answer in time: deploy again/],
    ['TimeoutError', 0, /did not answer in time: deploy again/],
    ['InternalError', 500, /AWS failed: deploy again/],
    ['NeverHeardOf', 418, /deploy again/],
  ])('has the name %s and what to do, and no text of AWS', (name, status, advice) => {
    const reason = failureReason(refusal(name, status))
    expect(reason.startsWith(`${name}: `)).toBe(true)
    expect(reason).toMatch(advice)
    expect(reason).not.toContain('text of AWS')
  })

  it('knows a fault of the service by the SDK', () => {
    const error = new InternalServiceError({ $metadata: {}, message: 'text of AWS' })
    expect(failureReason(error)).toBe('InternalServiceError: AWS failed: deploy again')
    expect(failureReason(new NoSuchKey({ $metadata: { httpStatusCode: 404 }, message: '' }))).not.toContain(
      'AWS failed',
    )
  })

  it('tells which permission is missing', () => {
    const error = Object.assign(new Error('not authorized to perform: s3:PutObject'), { name: 'AccessDeniedException' })
    expect(failureReason(error)).toMatch(
      /^AccessDeniedException: not authorized to perform: s3:PutObject: the function's role may not do this/,
    )
  })

  it('names a fault of the network by its code', () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND b.s3.x.amazonaws.com'), { code: 'ENOTFOUND' })
    expect(failureReason(error)).toMatch(/^ENOTFOUND: .*check bucketRegion/)
  })

  it('is our own message where it is ours, and something for what is no error', () => {
    expect(failureReason(new ServiceError('ERR_KEYS_LIMIT', 'wait'))).toBe('ERR_KEYS_LIMIT: wait')
    expect(failureReason('thrown')).toBe('unknown failure: deploy again')
  })
})
