import { generateKeyPairSync, verify } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fromCloudFrontBase64 } from '../../../../shared/cloudfront/base64.ts'
import type { OutgoingRequest } from '../../../../shared/http/message.ts'
import { ecPrivatePem } from '../../fixtures/key-pairs.ts'
import { app, configOf, context, eventOf, jwks, keyDocument, responseOf, token, withSession } from './edge.ts'

/** The module that is deployed, over a network that answers as AWS does. */

interface Sent {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: string
}

const sent: Sent[] = []
type Answers = Record<string, (request: Sent) => Response>
let answers: Answers

beforeEach(() => {
  sent.length = 0
  vi.resetModules()
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY')
  vi.stubEnv('AWS_SESSION_TOKEN', 'session-token')
  vi.doMock('../../../../shared/http/https-send.ts', () => ({
    async send({ url, method, headers, body = '' }: OutgoingRequest) {
      const record = { url, method, headers: new Headers(headers), body }
      sent.push(record)
      const answer = answers[new URL(url).host]
      if (answer === undefined) throw new Error('ECONNREFUSED')
      const response = answer(record)
      return { status: response.status, body: await response.text() }
    },
  }))
  answers = {
    'secretsmanager.us-east-1.amazonaws.com': () => Response.json({ SecretString: JSON.stringify(keyDocument) }),
    'edge-signer-test-123456789012.s3.us-east-1.amazonaws.com': () => new Response('{"revocations":[]}'),
    'app.example.com': () => Response.json(jwks),
  }
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

async function ask(config = configOf()) {
  vi.stubGlobal('__CONFIG__', config)
  const { handler } = await import('../../../../functions/session/handler.ts')
  const now = Math.floor(Date.now() / 1000)
  const reply = responseOf(await handler(eventOf(withSession(await token({ iat: now, exp: now + 600 }))), context))
  return { reply, code: reply.status === '200' ? undefined : JSON.parse(reply.body ?? '{}').code }
}

describe('the deployed handler', () => {
  test('asks the secret, the state and the key set, each where it is', async () => {
    expect((await ask()).reply.status).toBe('200')
    expect(sent.map(({ method, url }) => `${method} ${url}`).sort()).toEqual([
      'GET https://app.example.com/jwks.json',
      'GET https://edge-signer-test-123456789012.s3.us-east-1.amazonaws.com/_state/revocations.json',
      'POST https://secretsmanager.us-east-1.amazonaws.com/',
    ])
    const secret = sent.find(({ url }) => url.includes('secretsmanager'))
    expect(JSON.parse(secret?.body ?? '')).toEqual({ SecretId: 'edge-signer/test/keys' })
    for (const { url, headers } of sent.filter(({ url }) => url.includes('amazonaws'))) {
      const service = url.includes('s3') ? 's3' : 'secretsmanager'
      expect(headers.get('authorization')).toMatch(
        new RegExp(`^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\\d{8}/us-east-1/${service}/aws4_request, `),
      )
      expect(headers.get('x-amz-security-token')).toBe('session-token')
    }
    expect(sent.find(({ url }) => url.includes('app.example.com'))?.headers.get('authorization')).toBeNull()
  })

  test('reads the state of an existing bucket in its own Region', async () => {
    const config = configOf({ bucket: 'my-bucket', bucketRegion: 'eu-west-1' })
    answers['my-bucket.s3.eu-west-1.amazonaws.com'] = () =>
      Response.json({ revocations: [{ prefix: '/users/alice/', before: 9_999_999_999, expires: 9_999_999_999 }] })
    expect((await ask(config)).code).toBe('ERR_SESSION_REVOKED')
  })

  test.each([404, 403, 301, 500, 503])('is closed where S3 answers %d', async (status) => {
    answers['edge-signer-test-123456789012.s3.us-east-1.amazonaws.com'] = () => new Response('', { status })
    expect((await ask()).code).toBe('ERR_STATE_UNAVAILABLE')
    expect(sent.filter(({ url }) => url.includes('.s3.'))).toHaveLength(status >= 500 ? 2 : 1)
  })

  test('is closed where S3 or the key set cannot be reached', async () => {
    delete answers['edge-signer-test-123456789012.s3.us-east-1.amazonaws.com']
    expect((await ask()).code).toBe('ERR_STATE_UNAVAILABLE')
  })

  test.each([
    ['away', undefined],
    ['an error', () => new Response('', { status: 500 })],
    ['no JSON', () => new Response('<html>')],
    ['no key set', () => Response.json({ keys: 'none' })],
  ])('says so where the key set is %s', async (_, answer) => {
    if (answer === undefined) delete answers['app.example.com']
    else answers['app.example.com'] = answer
    const { reply, code } = await ask()
    expect([reply.status, code]).toEqual(['503', 'ERR_JWKS_UNAVAILABLE'])
  })

  test('signs with KMS where the document names a KMS key', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' })
    const kmsKeyId = 'arn:aws:kms:eu-central-1:123456789012:key/1'
    const key = { keyPairId: 'KKMS', algorithm: 'ES256', kmsKeyId, publicKey, notBefore: 0 }
    answers['secretsmanager.us-east-1.amazonaws.com'] = () =>
      Response.json({ SecretString: JSON.stringify({ ...keyDocument, keys: [key] }) })
    const { sign } = await import('node:crypto')
    answers['kms.eu-central-1.amazonaws.com'] = ({ body, headers }) => {
      const { KeyId, Message, MessageType, SigningAlgorithm } = JSON.parse(body)
      expect([KeyId, MessageType, SigningAlgorithm]).toEqual([kmsKeyId, 'RAW', 'ECDSA_SHA_256'])
      expect(headers.get('x-amz-target')).toBe('TrentService.Sign')
      const signature = sign('sha256', Buffer.from(Message, 'base64'), pair.privateKey)
      return Response.json({ Signature: signature.toString('base64') })
    }
    const { reply } = await ask()
    const value = (name: string) =>
      reply.headers?.['set-cookie']
        ?.map((line) => line.value)
        .find((line) => line.startsWith(`${name}=`))
        ?.split(/[=;]/)[1] ?? ''
    const policy = fromCloudFrontBase64(value('CloudFront-Policy')) ?? Buffer.alloc(0)
    const signature = fromCloudFrontBase64(value('CloudFront-Signature')) ?? Buffer.alloc(0)
    expect(verify('sha256', policy, pair.publicKey, signature)).toBe(true)
    expect(value('CloudFront-Key-Pair-Id')).toBe('KKMS')
    answers['kms.eu-central-1.amazonaws.com'] = () => new Response('{}', { status: 400 })
    vi.resetModules()
    expect((await ask()).code).toBe('ERR_KEYS_UNAVAILABLE')
  })

  test('logs nothing secret, whatever fails', async () => {
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation(() => {}),
    )
    answers['secretsmanager.us-east-1.amazonaws.com'] = () =>
      Response.json({ SecretString: `{"keys":[{"privateKey":${JSON.stringify(ecPrivatePem)}` })
    await ask()
    answers = {}
    vi.resetModules()
    await ask()
    const lines = spies.flatMap((spy) => spy.mock.calls.flat())
    expect(lines).toEqual([
      '{"level":"error","code":"ERR_KEYS_INVALID","requestId":"request-1"}',
      '{"level":"error","code":"ERR_JWKS_UNAVAILABLE","requestId":"request-1"}',
    ])
    expect(app.issuer).toContain('example')
  })
})
