import { describe, expect, it } from 'vitest'
import { createCloudFrontInvalidation } from '../../../../../shared/aws/edge/cdn-invalidation.ts'
import type { OutgoingRequest } from '../../../../../shared/http/message.ts'

/** The answers that CloudFront gives in turn, and what it was sent. */
function cloudFront(...answers: (number | Error)[]) {
  const sent: OutgoingRequest[] = []
  const failures: string[] = []
  let references = 0
  const cdn = createCloudFrontInvalidation({
    distributionId: 'E123',
    send: async (request) => {
      sent.push(request)
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      return { status: answer ?? 201, body: '' }
    },
    credentials: () => ({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' }),
    nowMs: Date.now,
    newReference: () => `reference-${++references}`,
    onFailure: (error) => failures.push(error.message),
  })
  return { cdn, sent, failures }
}

describe('an invalidation', () => {
  it('names the paths, signed for CloudFront', async () => {
    const { cdn, sent, failures } = cloudFront(201)
    await cdn.invalidate(['/users/a%20b/x', '/public/%26y'])
    expect(failures).toEqual([])
    expect(sent).toHaveLength(1)
    expect(sent[0]?.url).toBe('https://cloudfront.amazonaws.com/2020-05-31/distribution/E123/invalidation')
    expect(sent[0]?.headers.authorization).toMatch(/Credential=AKIAEXAMPLE\/\d{8}\/us-east-1\/cloudfront\/aws4_request/)
    expect(sent[0]?.headers['x-amz-security-token']).toBe('token')
    expect(sent[0]?.body).toContain(
      '<Paths><Quantity>2</Quantity><Items><Path>/users/a%20b/x</Path><Path>/public/%26y</Path></Items></Paths>' +
        '<CallerReference>reference-1</CallerReference>',
    )
  })

  it('is tried twice with one reference; a failure is reported, not thrown', async () => {
    const once = cloudFront(503, 201)
    await once.cdn.invalidate(['/a'])
    expect(once.failures).toEqual([])
    expect(once.sent[0]?.body).toBe(once.sent[1]?.body)
    const never = cloudFront(new TypeError('fetch failed'), 429)
    await never.cdn.invalidate(['/a'])
    expect(never.sent).toHaveLength(2)
    expect(never.failures).toEqual(['CloudFront: status 429'])
  })
})
