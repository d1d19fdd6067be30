import type {
  CloudFrontRequest,
  CloudFrontRequestEvent,
  CloudFrontRequestResult,
  CloudFrontResultResponse,
} from 'aws-lambda'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type SessionFunctionConfig, sessionFunctionConfig } from '../../../../functions/session/config.ts'
import { createEdgeHandler } from '../../../../functions/session/edge-handler.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../../shared/config/stage-config.ts'
import { ServiceError } from '../../../../shared/errors.ts'
import { type CookieLine, parseLine } from '../../../support/set-cookie.ts'
import { ecPrivatePem, ecPublicPem } from '../../fixtures/key-pairs.ts'

/** The real handler over stores in memory, with real keys and real tokens. Time is an argument. */

export const distributionHost = 'd111111abcdef8.cloudfront.net'
export const start = 1_767_225_600
export const stampKey = 'c3RhbXAta2V5LWZvci10ZXN0cy1vbmx5LTEyMzQ1Njc4OTA'
export const sessionSecret = 'a-session-secret-for-tests-only-32-bytes-or-more'
export const keyPairId = 'KTESTEC'

export const app = {
  issuer: 'https://app.example.com/',
  audience: 'edge-signer',
  rsa: await generateKeyPair('RS256', { extractable: true }),
  other: await generateKeyPair('RS256', { extractable: true }),
}
export const jwks = { keys: [{ ...(await exportJWK(app.rsa.publicKey)), kid: 'app-1', alg: 'RS256', use: 'sig' }] }

export const keyDocument = {
  keys: [{ keyPairId, algorithm: 'ES256', privateKey: ecPrivatePem, publicKey: ecPublicPem, notBefore: 0 }],
  sessionSecret,
  stampKey,
}

const session = {
  algorithms: ['RS256' as const],
  jwksUrl: 'https://app.example.com/jwks.json',
  issuer: app.issuer,
  audience: app.audience,
}

/** The function's config, made as packaging makes it. */
export function configOf(stage: Partial<StageConfigInput> = {}, sessionPart: object = {}): SessionFunctionConfig {
  const stages = {
    test: {
      grants: ['/users/{sub}/*', '/teams/{claims.team}/*'],
      allowedOrigins: ['https://app.example.com', 'http://localhost:*'],
      session: { ...session, ...sessionPart } as StageConfigInput['session'],
      ...stage,
    },
  }
  return sessionFunctionConfig(parseDeployment({ service: 'edge-signer', defaults: {}, stages }, 'test'))
}

export interface Stores {
  secret: () => string
  state: () => string
  keySet: () => unknown
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly clientIp?: string
}

export interface Reply {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly cookies: readonly CookieLine[]
  readonly lines: readonly string[]
  readonly text: string
  readonly code: string | undefined
  readonly raw: CloudFrontResultResponse
}

/** One warm function. `stores` may be changed between requests; `loads` counts fetches. */
export function edgeFunction(config = configOf()) {
  const stores: Stores = {
    secret: () => JSON.stringify(keyDocument),
    state: () => JSON.stringify({ revocations: [] }),
    keySet: () => jwks,
  }
  const loads = { secret: 0, state: 0, keySet: 0 }
  const clock = { now: start }
  const handler = createEdgeHandler(config, {
    connect: () => ({
      secrets: {
        async get() {
          loads.secret++
          return stores.secret()
        },
      },
      state: {
        async load() {
          loads.state++
          return stores.state()
        },
      },
      async loadKeySet() {
        loads.keySet++
        return stores.keySet()
      },
    }),
    nowMs: () => clock.now * 1000,
    random: () => 0.5,
  })
  const send = async (ask: Ask = {}): Promise<Reply> => toReply(responseOf(await handler(eventOf(ask), context)))
  /** The request that the function let pass; fails where it answered itself. */
  const pass = async (ask: Ask = {}): Promise<CloudFrontRequest> => {
    const result = await handler(eventOf(ask), context)
    if ('status' in result || !('uri' in result)) throw new Error(`answered ${JSON.stringify(result)}`)
    return result
  }
  return { handler, send, pass, stores, loads, clock }
}

/** A response that the function made; fails where it let the request pass. */
export function responseOf(result: CloudFrontRequestResult): CloudFrontResultResponse {
  if (result === undefined || result === null || !('status' in result)) throw new Error('the request was let pass')
  return result
}

export const context = { invokedFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:session:7' }

export function eventOf(ask: Ask): CloudFrontRequestEvent {
  const headers: Record<string, { key: string; value: string }[]> = Object.create(null)
  headers.host = [{ key: 'Host', value: distributionHost }]
  for (const [name, value] of Object.entries(ask.headers ?? {})) {
    headers[name.toLowerCase()] = (typeof value === 'string' ? [value] : value).map((line) => ({
      key: name,
      value: line,
    }))
  }
  return {
    Records: [
      {
        cf: {
          config: {
            distributionDomainName: distributionHost,
            distributionId: 'EDFDVBD6EXAMPLE',
            eventType: 'viewer-request',
            requestId: 'request-1',
          },
          request: {
            clientIp: ask.clientIp ?? '203.0.113.7',
            method: ask.method ?? 'GET',
            uri: ask.path ?? '/_edge/session',
            querystring: ask.query ?? '',
            headers,
          },
        },
      },
    ],
  }
}

function toReply(raw: CloudFrontResultResponse): Reply {
  const headers = raw.headers ?? {}
  const lines = (headers['set-cookie'] ?? []).map(({ value }) => value)
  const text = raw.body ?? ''
  return {
    raw,
    status: Number(raw.status),
    header: (name) => headers[name]?.map(({ value }) => value).join(', '),
    lines,
    cookies: lines.map(parseLine),
    text,
    code: codeIn(text, headers['content-type']?.[0]?.value ?? ''),
  }
}

/** The code of a problem, or of the page that a person gets in its place. */
function codeIn(text: string, type: string): string | undefined {
  if (text !== '' && type === 'application/problem+json') return JSON.parse(text).code
  return type.startsWith('text/html') ? /<small>(ERR_\w+)<\/small>/.exec(text)?.[1] : undefined
}

/** A token of the app with these claims over good ones; `undefined` leaves a claim out. */
export async function token(
  claims: Readonly<Record<string, unknown>> = {},
  header: object = {},
  key = app.rsa.privateKey,
): Promise<string> {
  const payload = {
    sub: 'alice',
    iss: app.issuer,
    aud: app.audience,
    iat: start - 10,
    exp: start + 7200,
    ...claims,
  }
  return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'app-1', ...header }).sign(key)
}

/** A request with the token in the session cookie. */
export function withSession(jwt: string, ask: Ask = {}): Ask {
  const cookie = ask.headers?.cookie
  return {
    ...ask,
    headers: { ...ask.headers, cookie: `${cookie === undefined ? '' : `${cookie}; `}__Host-session=${jwt}` },
  }
}

export const navigation = { 'sec-fetch-mode': 'navigate', accept: 'text/html' }

/** Cookies that a browser would send back to `/_edge/` after this reply. */
export function edgeGrantsOf(reply: Reply): string {
  const cookie = reply.cookies.findLast(({ name, value }) => name === 'edge-grants' && value !== '')
  return `edge-grants=${cookie?.value ?? ''}`
}

/** The prefixes that a reply sets a policy for, and those whose policy it deletes. */
export function pathsOf(reply: Reply): { set: string[]; expired: string[] } {
  const policies = reply.cookies.filter(({ name }) => name === 'CloudFront-Policy')
  const paths = (expired: boolean) =>
    policies
      .filter(({ attributes }) => (attributes.get('max-age') === '0') === expired)
      .map(({ attributes }) => attributes.get('path') ?? '')
  return { set: paths(false), expired: paths(true) }
}

export function unavailable(code: 'ERR_KEYS_UNAVAILABLE' | 'ERR_STATE_UNAVAILABLE'): () => never {
  return () => {
    throw new ServiceError(code)
  }
}
