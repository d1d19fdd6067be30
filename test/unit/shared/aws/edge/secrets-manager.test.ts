import { createHash, createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSecretsManager } from '../../../../../shared/aws/edge/secrets-manager.ts'
import type { OutgoingRequest } from '../../../../../shared/http/message.ts'
import { keysSecretId } from '../../../../../shared/keys/key-secret.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-access-key', sessionToken: 'session-token' }

/** A Secrets Manager whose answers the test gives in order; the last one is repeated. */
function setUp(...answers: Array<Response | Error | 'hang'>) {
  const requests: OutgoingRequest[] = []
  const store = createSecretsManager({
    send: async (request, timeoutMs) => {
      requests.push(request)
      const answer = answers[Math.min(requests.length, answers.length) - 1]
      if (answer instanceof Response) return { status: answer.status, body: await answer.clone().text() }
      if (answer instanceof Error) throw answer
      return new Promise((_, reject) => setTimeout(() => reject(new Error('timed out')), timeoutMs))
    },
    credentials: () => credentials,
    nowMs: () => Date.now(),
  })
  return { store, requests }
}

/** Runs the virtual clock until the promise settles. */
async function outcome(promise: Promise<string>): Promise<{ value?: string; error?: unknown; ms: number }> {
  const start = Date.now()
  let settled: { value?: string; error?: unknown; ms: number } | undefined
  promise.then(
    (value) => {
      settled = { value, ms: Date.now() - start }
    },
    (error: unknown) => {
      settled = { error, ms: Date.now() - start }
    },
  )
  while (settled === undefined) {
    await new Promise((resolve) => setImmediate(resolve))
    await vi.advanceTimersByTimeAsync(10)
  }
  return settled
}

const found = () => Response.json({ SecretString: 'the document' })
const unavailable = expect.objectContaining({ name: 'ServiceError', code: 'ERR_KEYS_UNAVAILABLE' })

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('createSecretsManager', () => {
  test('asks us-east-1 for the secret, signed with SigV4', async () => {
    const { store, requests } = setUp(found())
    expect(await outcome(store.get(keysSecretId('edge-signer', 'prod')))).toMatchObject({ value: 'the document' })
    const request = requests[0] as OutgoingRequest
    expect([request.method, request.url]).toEqual(['POST', 'https://secretsmanager.us-east-1.amazonaws.com/'])
    expect(request.headers['x-amz-target']).toBe('secretsmanager.GetSecretValue')
    expect(request.headers['x-amz-date']).toBe('20260101T000000Z')
    expect(request.body).toBe('{"SecretId":"edge-signer/prod/keys"}')
    expect(request.headers.authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/secretsmanager/aws4_request, ` +
        `SignedHeaders=${signedHeaders}, Signature=${expectedSignature()}`,
    )
  })

  test.each([
    ['a network fault', new TypeError('fetch failed')],
    ['throttling', new Response('', { status: 429 })],
    ['a server error', new Response('', { status: 503 })],
    ['a body cut short', new Response('{"SecretStr')],
    ['a time-out', 'hang' as const],
  ])('tries again after %s', async (_what, answer) => {
    const { store, requests } = setUp(answer, found())
    expect(await outcome(store.get('id'))).toMatchObject({ value: 'the document' })
    expect(requests).toHaveLength(2)
  })

  test('does not repeat what was refused', async () => {
    const { store, requests } = setUp(new Response('{"__type":"ResourceNotFoundException"}', { status: 400 }), found())
    expect(await outcome(store.get('id'))).toMatchObject({ error: unavailable })
    expect(requests).toHaveLength(1)
  })

  test('gives each try 1.5 s and all of them 4 s', async () => {
    const { store, requests } = setUp('hang')
    const { error, ms } = await outcome(store.get('id'))
    expect(error).toEqual(unavailable)
    expect(requests).toHaveLength(3)
    expect(ms).toBeGreaterThanOrEqual(3990)
    expect(ms).toBeLessThanOrEqual(4030)
  })

  test('gives up after three quick failures', async () => {
    const { store, requests } = setUp(new Response('', { status: 500 }))
    expect(await outcome(store.get('id'))).toMatchObject({ error: unavailable })
    expect(requests).toHaveLength(3)
  })

  test('shows neither secret nor credentials in its error', async () => {
    const { store } = setUp(new Response('{"SecretString":7,"x":"the document"}'))
    const { error } = await outcome(store.get('id'))
    const shown = `${error} ${(error as Error).message} ${(error as Error).cause}`
    expect(shown).not.toMatch(/the document|secret-access-key|session-token/)
  })
})

const signedHeaders = 'content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-target'

/** AWS Signature Version 4 by hand, for the request above. */
function expectedSignature(): string {
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const canonical = [
    'POST',
    '/',
    '',
    'content-type:application/x-amz-json-1.1',
    'host:secretsmanager.us-east-1.amazonaws.com',
    `x-amz-content-sha256:${sha256('{"SecretId":"edge-signer/prod/keys"}')}`,
    'x-amz-date:20260101T000000Z',
    'x-amz-security-token:session-token',
    'x-amz-target:secretsmanager.GetSecretValue',
    '',
    signedHeaders,
    sha256('{"SecretId":"edge-signer/prod/keys"}'),
  ].join('\n')
  const scope = '20260101/us-east-1/secretsmanager/aws4_request'
  const text = ['AWS4-HMAC-SHA256', '20260101T000000Z', scope, sha256(canonical)].join('\n')
  const key = ['us-east-1', 'secretsmanager', 'aws4_request'].reduce(hmac, hmac('AWS4secret-access-key', '20260101'))
  return hmac(key, text).toString('hex')
}
