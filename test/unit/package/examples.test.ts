/** The examples of the library: a login sets cookies that open the user's prefix and no other, and uploads are below it. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp as createExpressApp } from '../../../package/examples/express.ts'
import { createApp as createHonoApp } from '../../../package/examples/hono.ts'
import { createHandler } from '../../../package/examples/lambda.ts'
import {
  type Assets,
  keysFromPem,
  openAssets,
  openSessions,
  ServiceError,
  type SigningKeys,
} from '../../../package/server.ts'
import { checkPolicy, readSignedRequest } from '../../../shared/cloudfront/signed-request.ts'
import { verifySignature } from '../../../shared/cloudfront/verify.ts'
import { parsePemKey } from '../../../shared/keys/pem-key.ts'
import { parseLine } from '../../support/set-cookie.ts'
import { ecPrivatePem } from '../fixtures/key-pairs.ts'

const keyPairId = 'KTEST'
const secret = 'a-session-secret-for-tests-only-32-bytes-or-more'
const pemKeys = keysFromPem({ keyPairId, privateKey: ecPrivatePem })
let hasOutage = false
const keys: SigningKeys = {
  async signer(now) {
    if (hasOutage) throw new ServiceError('ERR_KEYS_UNAVAILABLE')
    return pemKeys.signer(now)
  },
}
const sessions = openSessions({ algorithms: ['HS256'], secret, issuer: 'app', audience: 'app', cookieName: 'session' })
const signIn = async (body: unknown) => ((body as { password?: string }).password === 'right' ? 'alice@x' : undefined)

interface Result {
  readonly status: number
  readonly setCookie: readonly string[]
  readonly body: Record<string, unknown>
}
type Post = (path: string, body: object | string, headers?: Record<string, string>) => Promise<Result>

let folder: string
let assets: Assets
const ends: (() => void)[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examples-'))
  assets = await openAssets({
    backend: 'files',
    storagePath: join(folder, 'content'),
    uploadsPath: join(folder, 'uploads'),
    baseUrl: 'https://assets.example.com',
    linkSecret: 'a-link-secret-for-tests',
    uploadSecret: 'A'.repeat(43),
  })
})
afterAll(async () => {
  for (const end of ends) end()
  assets.close()
  await rm(folder, { recursive: true })
})

const fromResponse = async (response: Response): Promise<Result> => ({
  status: response.status,
  setCookie: response.headers.getSetCookie(),
  body: (await response.json().catch(() => ({}))) as Record<string, unknown>,
})
const text = (body: object | string) => (typeof body === 'string' ? body : JSON.stringify(body))
const post = (body: object | string, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: text(body),
})

const openers: Record<string, () => Promise<Post>> = {
  async Express() {
    const server = createExpressApp({ keys, assets, sessions, signIn }).listen(0, '127.0.0.1')
    ends.push(() => server.close())
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return async (path, body, headers) => fromResponse(await fetch(`${origin}${path}`, post(body, headers)))
  },
  async Hono() {
    const app = createHonoApp({ keys, assets, sessions, signIn })
    return async (path, body, headers) => fromResponse(await app.request(path, post(body, headers)))
  },
  async Lambda() {
    const handler = createHandler({ keys, assets, sessions, signIn })
    return async (path, body, { cookie, ...headers } = {}) => {
      const cookies = cookie === undefined ? {} : { cookies: [cookie] }
      const event = { routeKey: `POST ${path}`, headers, body: text(body), ...cookies }
      const { statusCode = 0, cookies: set = [], body: answer = '' } = await handler(event as APIGatewayProxyEventV2)
      return { status: statusCode, setCookie: set, body: JSON.parse(answer) }
    }
  },
}

const tokenOf = (sub: string, key = secret) =>
  new SignJWT({ sub, iss: 'app', aud: 'app' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('10 m')
    .sign(new TextEncoder().encode(key))

/** CloudFront's decision about a URL with these cookies. */
function decision(url: string, cookieHeader: string): string {
  const read = readSignedRequest({ url, querystring: '', cookieHeader }, 'refuse')
  if ('refusal' in read) return read.refusal
  const signature = verifySignature(read, new Map([[keyPairId, parsePemKey(keyPairId, ecPrivatePem).publicKey]]))
  if (signature !== 'valid') return signature
  return checkPolicy(read.policy, { url, now: Date.now() / 1000, clientIp: '192.0.2.1' }) ?? 'granted'
}

describe.each(Object.keys(openers))('%s', (name) => {
  let send: Post
  beforeAll(async () => {
    send = await (openers[name] as () => Promise<Post>)()
  })

  it('sets cookies after a login, which open the prefix of the user alone', async () => {
    const { status, setCookie, body } = await send('/login', { password: 'right' })
    expect(status).toBe(200)
    expect(body.prefix).toBe('/users/alice%40x/')
    const lines = setCookie.map(parseLine)
    expect(lines.length).toBeGreaterThanOrEqual(3)
    for (const { attributes } of lines) {
      expect(attributes.get('domain')).toBe('example.com')
      expect(attributes.get('path')).toBe('/users/alice%40x/')
      expect(attributes.get('samesite')).toBe('Lax')
      expect([attributes.has('secure'), attributes.has('httponly')]).toEqual([true, true])
    }
    const cookie = lines.map(({ name, value }) => `${name}=${value}`).join('; ')
    expect(decision('https://cdn.example.com/users/alice%40x/a.bin', cookie)).toBe('granted')
    expect(decision('https://cdn.example.com/users/bob/a.bin', cookie)).not.toBe('granted')
  })

  it('sets none after a login that fails', async () => {
    const { status, setCookie } = await send('/login', { password: 'wrong' })
    expect({ status, setCookie }).toEqual({ status: 401, setCookie: [] })
  })

  it.each(['{', 'null', '42', '"a"', '[]', ''])('refuses a login whose body is %j', async (body) => {
    const answer = await send('/login', body)
    expect(answer).toMatchObject({ status: 400, setCookie: [], body: { error: 'ERR_REQUEST_INVALID' } })
  })

  it('gives a signed-in user an upload below the own prefix', async () => {
    const file = { name: 'a.bin', size: 5, contentType: 'text/plain' }
    for (const headers of [
      { authorization: `Bearer ${await tokenOf('alice')}` },
      { cookie: `session=${await tokenOf('alice')}` },
    ]) {
      const { status, body } = await send('/uploads', file, headers as Record<string, string>)
      expect(status).toBe(201)
      expect(body).toMatchObject({ key: 'users/alice/a.bin', isPermanent: false })
      expect(body.url).toMatch(/^https:\/\/assets\.example\.com\//)
    }
  })

  it('refuses an upload without a good session, and one that leaves the prefix', async () => {
    const file = { name: 'a.bin', size: 5 }
    expect((await send('/uploads', file)).status).toBe(401)
    const forged = await tokenOf('alice', 'another-secret-for-tests-only-32-bytes-or-more')
    expect((await send('/uploads', file, { authorization: `Bearer ${forged}` })).status).toBe(401)
    const authorization = `Bearer ${await tokenOf('alice')}`
    for (const name of ['../bob/a.bin', '/a.bin', 'a//b', '']) {
      expect((await send('/uploads', { name, size: 5 }, { authorization })).status, name).toBe(400)
    }
    for (const size of [-1, 1.5, '5', null]) {
      expect((await send('/uploads', { name: 'a.bin', size }, { authorization })).status, String(size)).toBe(400)
    }
    for (const body of ['{', 'null', '42', '[]', '']) {
      expect((await send('/uploads', body, { authorization })).status, body).toBe(400)
    }
    const nested = `Bearer ${await tokenOf('bob/photos')}`
    expect((await send('/uploads', file, { authorization: nested })).status).toBe(400)
  })

  it('does not blame the client for an outage of the keys', async () => {
    hasOutage = true
    const status = await send('/login', { password: 'right' }).then(
      (answer) => answer.status,
      (error: unknown) => (error instanceof ServiceError ? 500 : error),
    )
    hasOutage = false
    expect(status).toBe(500)
  })
})
