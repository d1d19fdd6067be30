import { type Cookie, CookieJar } from 'tough-cookie'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { cookieHeader, policyFor, signedCookies, urlWithPolicy } from '../../../support/policy-signer.ts'
import { ecPrivatePem } from '../../fixtures/key-pairs.ts'
import {
  type Ask,
  configOf,
  edgeFunction,
  keyPairId,
  navigation,
  type Reply,
  start,
  token,
  unavailable,
} from './edge.ts'

/** A sign-out in `gate` mode, over a browser's cookie jar: nothing that was made before it opens a file afterwards. */

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})

const host = 'cdn.example.com'
const key = { keyPairId, privateKey: ecPrivatePem, hash: 'SHA256' as const }
const areas = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

function gate(domain: string | null, options: { perUser?: number; clockSkewSeconds?: number } = {}) {
  const { perUser = domain === null ? 8 : 4, clockSkewSeconds = 60 } = options
  const config = configOf(
    {
      enforcement: 'gate',
      grants: areas.slice(0, perUser).map((area) => `/${area}/{sub}/*` as const),
      cdnHost: host,
      aliases: [host],
      certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/1',
      cookies: { domain },
    },
    { clockSkewSeconds },
  )
  const edge = edgeFunction(config)
  const jar = new CookieJar()
  const at = (path: string) => `https://${host}${path}`
  const keep = async (reply: Reply, path: string) => {
    for (const line of reply.lines) await jar.setCookie(line, at(path), { ignoreError: true })
  }
  const headersFor = async (ask: Ask, from: CookieJar) => {
    const cookie = await from.getCookieString(at(ask.path ?? '/_edge/session'))
    return { host, ...(cookie === '' ? {} : { cookie }), ...ask.headers }
  }
  const send = async (ask: Ask): Promise<Reply> => {
    const reply = await edge.send({ ...ask, headers: await headersFor(ask, jar) })
    await keep(reply, ask.path ?? '/_edge/session')
    return reply
  }
  return {
    ...edge,
    jar,
    keep,
    /** A request as it is, without the jar. */
    ask: edge.send,
    send,
    async signIn(sub: string, claims: object = {}) {
      const jwt = await token({ sub, ...claims })
      await jar.setCookie(`__Host-session=${jwt}; Path=/; Secure; HttpOnly; SameSite=Lax`, at('/'))
    },
    /** The files of a user that open with what the jar holds, without keeping what comes back. */
    async open(sub: string, from: CookieJar = jar): Promise<string[]> {
      const opened: string[] = []
      for (const area of areas.slice(0, perUser)) {
        const path = `/${area}/${sub}/x`
        const headers = await headersFor({ path }, from)
        const passed = await edge.pass({ path, headers }).catch(() => undefined)
        if (passed !== undefined) opened.push(path)
      }
      return opened
    },
    async renewAll(sub: string): Promise<string[]> {
      const paths = areas.slice(0, perUser).map((area) => `/${area}/${sub}/x`)
      for (const path of paths) expect((await send({ path })).status).toBe(307)
      return paths
    },
    /** The paths whose signature the jar still holds. */
    async live(from: CookieJar = jar): Promise<string[]> {
      const cookies = await held(from)
      return cookies.filter(({ key }) => key === 'CloudFront-Signature').map(({ path }) => String(path))
    },
    names: async () => (await held(jar)).map(({ key }) => key),
  }
}

/** The jar keeps what was deleted, marked as over. */
async function held(jar: CookieJar): Promise<Cookie[]> {
  const cookies = await jar.store.getAllCookies()
  return cookies.filter((cookie) => (cookie.expiryTime() ?? 0) > Date.now())
}

const signOut: Ask = { method: 'DELETE' }

describe.each([
  ['host-only cookies', null],
  ['cookies with Domain', 'example.com'],
])('one sign-out with %s', (_, domain) => {
  test('ends every grant that was renewed, by deletion', async () => {
    const browser = gate(domain)
    await browser.signIn('alice')
    const paths = await browser.renewAll('alice')
    expect(await browser.open('alice')).toEqual(paths)
    const reply = await browser.send(signOut)
    expect([reply.status, await browser.open('alice'), await browser.live()]).toEqual([204, [], []])
    // What is left opens nothing and looks like nothing: a fetch gets a 401.
    expect((await browser.send({ path: paths[0] ?? '' })).code).toBe('ERR_SESSION_MISSING')
    expect((await browser.names()).filter((name) => name.startsWith('edge-grants'))).toEqual([])
  })

  test('ends what was minted and renewed alike', async () => {
    const browser = gate(domain)
    await browser.signIn('alice')
    expect((await browser.send({})).status).toBe(200)
    browser.clock.now = start + 3000
    const paths = await browser.renewAll('alice')
    expect(await browser.open('alice')).toEqual(paths)
    await browser.send(signOut)
    expect([await browser.open('alice'), await browser.live()]).toEqual([[], []])
  })

  test('ends more prefixes than one response can delete, after claims that changed over time', async () => {
    const browser = gate(domain)
    const users = Array.from({ length: 9 }, (_, i) => `user-${i}`)
    for (const user of users) {
      await browser.signIn(user)
      await browser.renewAll(user)
    }
    const before = await browser.live()
    expect(before.length).toBe(users.length * (domain === null ? 8 : 4))
    const reply = await browser.send(signOut)
    const bytes = reply.lines.reduce((sum, line) => sum + line.length + 14, 0)
    expect([reply.lines.length <= 48, bytes <= 32 * 1024]).toEqual([true, true])
    for (const user of users) expect(await browser.open(user)).toEqual([])
    // As many as fit are really gone.
    expect(before.length - (await browser.live()).length).toBeGreaterThanOrEqual(domain === null ? 21 : 14)
    // The next response deletes more of them.
    const left = (await browser.live()).length
    await browser.send(signOut)
    expect((await browser.live()).length).toBeLessThan(left)
  })

  test('ends prefixes of the greatest length within the bytes of a response', async () => {
    const browser = gate(domain)
    const users = Array.from({ length: 6 }, (_, i) => `${'x'.repeat(395)}${i}`)
    for (const user of users) {
      await browser.signIn(user)
      await browser.renewAll(user)
    }
    const reply = await browser.send(signOut)
    expect(reply.status).toBe(204)
    expect(reply.lines.reduce((sum, line) => sum + line.length + 14, 0)).toBeLessThanOrEqual(32 * 1024)
    for (const user of users) expect(await browser.open(user)).toEqual([])
  })

  test('holds where the lists of renewals were dropped by the browser', async () => {
    const browser = gate(domain)
    await browser.signIn('alice')
    await browser.renewAll('alice')
    const lists = (await browser.names()).filter((name) => name.startsWith('edge-grants-'))
    for (const name of lists) {
      const of = domain === null ? '' : `; Domain=${domain}`
      await browser.jar.setCookie(`${name}=; Max-Age=0; Path=/_edge/${of}`, `https://${host}/_edge/`)
    }
    await browser.send(signOut)
    expect((await browser.live()).length).toBeGreaterThan(0)
    expect(await browser.open('alice')).toEqual([])
  })

  test('ends a renewal that was under way', async () => {
    const browser = gate(domain)
    await browser.signIn('alice')
    const cookie = await browser.jar.getCookieString(`https://${host}/a/alice/x`)
    const late = await browser.ask({ path: '/a/alice/x', headers: { host, cookie } })
    await browser.send(signOut)
    await browser.keep(late, '/a/alice/x')
    expect([await browser.live(), await browser.open('alice')]).toEqual([['/a/alice/'], []])
  })

  test('leaves a sign-in in the same second usable at once, however often', async () => {
    const browser = gate(domain)
    for (let round = 0; round < 3; round++) {
      await browser.signIn('alice')
      expect((await browser.send({})).status).toBe(200)
      expect((await browser.open('alice')).length).toBeGreaterThan(0)
      const jar = await browser.jar.clone()
      await browser.send(signOut)
      // The cookies of before, put back as they were, beside the mark of the sign-out.
      const marker = await browser.jar.getCookies(`https://${host}/`)
      for (const cookie of marker) await jar.setCookie(cookie, `https://${host}/`)
      await jar.setCookie('__Host-session=; Max-Age=0; Path=/; Secure', `https://${host}/`)
      expect([await browser.live(jar), await browser.open('alice', jar)]).toEqual([expect.anything(), []])
      expect((await browser.live(jar)).length).toBeGreaterThan(0)
    }
    await browser.signIn('alice')
    expect((await browser.send({ path: '/a/alice/x' })).status).toBe(307)
    expect(await browser.open('alice')).toContain('/a/alice/x')
  })
})

describe('the mark of a sign-out', () => {
  const marked = async (browser: ReturnType<typeof gate>) =>
    (await browser.jar.getCookies(`https://${host}/`)).find(({ key }) => key === 'edge-signed-out')

  test('is sent with every request of the host, holds as long as any cookie, and is never shown to scripts', async () => {
    const browser = gate(null)
    const reply = await browser.send(signOut)
    const marker = reply.lines.find((line) => line.startsWith('edge-signed-out='))
    expect(marker).toMatch(/^edge-signed-out=\d+\.[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    const wide = await gate('example.com').send(signOut)
    expect(wide.lines.find((line) => line.startsWith('edge-signed-out='))).toContain('; Domain=example.com;')
    const end = await browser.send({ path: '/_edge/session/end', headers: navigation })
    expect(end.lines.some((line) => line.startsWith('edge-signed-out='))).toBe(true)
  })

  test('is made of a time and an HMAC: any other is passed over', async () => {
    const browser = gate(null)
    await browser.signIn('alice')
    await browser.renewAll('alice')
    const other = gate(null)
    await other.send(signOut)
    const value = String((await marked(other))?.value)
    const [time, mac] = value.split('.')
    for (const forged of [
      `${Number(time) + 1}.${mac}`,
      `0${value}`,
      `${value}x`,
      `x${value}`,
      `${time}`,
      `${time}.`,
      `.${mac}`,
      `${time}.${'A'.repeat(43)}`,
      `99999999999.${mac}`,
      '',
    ]) {
      await browser.jar.setCookie(`edge-signed-out=${forged}; Path=/`, `https://${host}/`)
      expect((await browser.open('alice')).length, forged).toBe(8)
    }
    await browser.jar.setCookie(`edge-signed-out=${value}; Path=/`, `https://${host}/`)
    expect((await browser.open('alice')).length).toBe(0)
  })

  test('counts beside planted copies of an older one', async () => {
    const browser = gate(null)
    await browser.send(signOut)
    const old = String((await marked(browser))?.value)
    browser.clock.now = start + 100
    await browser.signIn('alice')
    await browser.renewAll('alice')
    browser.clock.now = start + 200
    const cookie = await browser.jar.getCookieString(`https://${host}/a/alice/x`)
    await browser.send(signOut)
    const now = String((await marked(browser))?.value)
    const rest = cookie
      .split('; ')
      .filter((pair) => !/^(__Host-session|edge-signed-out)=/.test(pair))
      .join('; ')
    const code = async (...markers: string[]) => {
      const all = [...markers.map((value) => `edge-signed-out=${value}`), rest].join('; ')
      const ask = { path: '/a/alice/x', headers: { host, cookie: all } }
      const passed = await browser.pass(ask).catch(() => undefined)
      return passed === undefined ? (await browser.ask(ask)).code : 'passed'
    }
    expect(await code(old)).toBe('passed')
    expect(await code(now)).toBe('ERR_SESSION_MISSING')
    expect(await code(old, now)).toBe('ERR_SESSION_MISSING')
    expect(await code(now, old)).toBe('ERR_SESSION_MISSING')
  })

  test('is never far ahead, however often a browser signs out', async () => {
    const browser = gate(null)
    for (let i = 0; i < 400; i++) await browser.send(signOut)
    expect(Number(String((await marked(browser))?.value).split('.')[0])).toBe(start + 300)
  })

  test('refuses nothing of the next second where the clocks are trusted to the second', async () => {
    const browser = gate(null, { clockSkewSeconds: 0 })
    await browser.send(signOut)
    await browser.signIn('alice')
    await browser.send({})
    browser.clock.now++
    expect((await browser.open('alice')).length).toBe(8)
  })

  test('leaves signed URLs and cookies without a date alone', async () => {
    const browser = gate(null)
    await browser.send(signOut)
    const marker = `edge-signed-out=${(await marked(browser))?.value}`
    const policy = policyFor({ resource: `https://${host}/a/alice/*`, expires: start + 600 })
    const cookie = `${marker}; ${cookieHeader(signedCookies(key, policy))}`
    expect((await browser.pass({ path: '/a/alice/x', headers: { host, cookie } })).uri).toBe('/a/alice/x')
    const dated = policyFor({ resource: `https://${host}/a/alice/*`, expires: start + 600, notBefore: start - 600 })
    const query = new URL(urlWithPolicy(key, `https://${host}/a/alice/x`, dated)).search.slice(1)
    const asUrl = await browser.pass({ path: '/a/alice/x', query, headers: { host, cookie: marker } })
    expect(asUrl.querystring).toBe('')
  })

  test('cannot be made without the keys: the sign-out fails instead of looking done', async () => {
    const browser = gate(null)
    browser.stores.secret = unavailable('ERR_KEYS_UNAVAILABLE')
    const reply = await browser.send(signOut)
    expect([reply.status, reply.lines]).toEqual([503, []])
  })

  test('is no business of a stage whose files CloudFront guards', async () => {
    const { lines } = await edgeFunction().send(signOut)
    expect(lines.some((line) => line.startsWith('edge-signed-out='))).toBe(false)
  })
})

describe('the mint of the next user', () => {
  test.each([null, 'example.com'])(
    'is refused within the limits of a response, whatever came before (%s)',
    async (domain) => {
      const browser = gate(domain)
      for (const user of ['user-0', 'user-1', 'user-2', 'user-3']) {
        await browser.signIn(user)
        await browser.renewAll(user)
      }
      const before = (await browser.live()).length
      await browser.signIn('next')
      const page = await browser.send({ query: 'return=/a/user-0/x', headers: navigation })
      expect([page.status, page.code, page.lines.length <= 47]).toEqual([403, 'ERR_RETURN_NOT_GRANTED', true])
      expect((await browser.live()).length).toBeLessThan(before)
      // Claims that open nothing: as much as fits goes, and the next mint deletes the rest.
      await browser.signIn('..')
      const refused = await browser.send({})
      expect([refused.status, refused.code, refused.lines.length <= 47]).toEqual([403, 'ERR_GRANT_CLAIM', true])
    },
  )

  test.each([null, 'example.com'])(
    'deletes everything of the users before, in as many redirects as it takes (%s)',
    async (domain) => {
      const browser = gate(domain)
      const users = Array.from({ length: 7 }, (_, i) => `user-${i}`)
      for (const user of users) {
        await browser.signIn(user)
        await browser.renewAll(user)
      }
      await browser.signIn('next')
      let redirects = 0
      let reply = await browser.send({})
      for (; reply.status === 307 && redirects < 10; redirects++) reply = await browser.send({})
      expect([reply.status, redirects > 0 && redirects < 6]).toEqual([200, true])
      expect(new Set(await browser.live())).toEqual(
        new Set(areas.slice(0, domain === null ? 8 : 4).map((area) => `/${area}/next/`)),
      )
    },
  )
})
