import { expect, it } from 'vitest'
import { cookieHeader, policyFor, signedCookies } from '../support/policy-signer.ts'
import { minted } from '../support/set-cookie.ts'
import { disk } from './content.ts'
import {
  bearerOpensPrivatePaths,
  leftBySignOut,
  mintsOnPrivatePaths,
  statusBesideOtherUser,
  statusWithoutCookies,
} from './modes.ts'
import { describeTargets, epoch, expectNoSecret, expectProblem, keyOf, sessionsOf } from './suite.ts'

const app = 'http://localhost:3000'
const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none', accept: 'text/html' }

/** An app session alone on a private path: refused, or renewed into cookies if the session function guards the path. */
describeTargets('a private path and an app session', (suite) => {
  const path = '/users/alice/disk.bin'
  const renews = mintsOnPrivatePaths(suite.setting)

  it('answers by the same address and fresh cookies, or not at all', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const answer = await alice.send({ path: `${path}?v=1&w=%20`, headers: { origin: app, range: 'bytes=0-9' } })
    if (!renews) {
      expect(answer.status).toBe(403)
      expect(answer.setCookie).toEqual([])
      return
    }
    expect(answer.status).toBe(307)
    expect(new URL(String(answer.headers.location), suite.target.baseUrl).href).toBe(
      `${suite.target.baseUrl}${path}?v=1&w=%20`,
    )
    expect(answer.headers['cache-control']).toMatch(/no-store/)
    expect(answer.headers['access-control-allow-origin']).toBe(app)
    expect(answer.headers['access-control-allow-credentials']).toBe('true')
    expect(answer.headers['cross-origin-resource-policy']).toBe('same-site')
    expect(answer.body.length).toBe(0)
    const part = await alice.send({ path, headers: { range: 'bytes=0-9' } })
    expect(part.status).toBe(206)
    expect(part.body.equals(disk.subarray(0, 10))).toBe(true)
    expect(minted(part)).toEqual([])
  })

  it.skipIf(!renews)('does so for HEAD, and for images, players and links alike', async () => {
    const kinds: Record<string, string>[] = [
      { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
      { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'video', range: 'bytes=0-' },
      navigation,
    ]
    for (const headers of kinds) {
      const alice = await suite.withSession(await suite.target.login('alice'))
      expect((await alice.send({ path, headers })).status).toBe(307)
      expect([200, 206]).toContain((await alice.send({ path, headers })).status)
    }
    const alice = await suite.withSession(await suite.target.login('alice'))
    expect((await alice.send({ method: 'HEAD', path })).status).toBe(307)
    expect((await alice.send({ method: 'HEAD', path })).headers['content-length']).toBe(String(disk.length))
  })

  it.skipIf(!renews)('tells a browser that keeps no cookies, and does not send it round in circles', async () => {
    const token = await suite.target.login('alice')
    const session = `${suite.target.sessionCookie}=${token}`
    const first = await suite.send({ path, headers: { cookie: session } })
    expect(first.status).toBe(307)
    const marker = minted(first).find(({ name }) => name === 'edge-renewed')
    expect(Number(marker?.attributes.get('max-age'))).toBe(10)
    const cookie = `${session}; edge-renewed=${marker?.value}`
    expectProblem(await suite.send({ path, headers: { cookie } }), 403, 'ERR_NO_COOKIES')
    const page = await suite.send({ path, headers: { ...navigation, cookie } })
    expect(page.status).toBe(403)
    expect(page.headers['content-type']).toMatch(/^text\/html/)
    // Another file has its own try.
    expect((await suite.send({ path: '/users/alice/one.bin', headers: { cookie } })).status).toBe(307)
  })

  it('opens no file of another user', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    for (const headers of [{}, navigation]) {
      const answer = await alice.send({ path: '/users/bob/secret.bin', headers })
      expect(answer.status).toBe(403)
      expect(minted(answer)).toEqual([])
      expectNoSecret(answer)
    }
  })

  it('lets a Bearer session pass, or ignores it', async () => {
    const authorization = `Bearer ${await suite.target.login('alice')}`
    const own = await suite.send({ path, headers: { authorization } })
    if (bearerOpensPrivatePaths(suite.setting)) {
      expect(own.status).toBe(200)
      expect(own.body.equals(disk)).toBe(true)
      expect(own.setCookie).toEqual([])
    } else {
      expect(own.status).toBe(403)
    }
    const foreign = await suite.send({ path: '/users/bob/secret.bin', headers: { authorization } })
    expect(foreign.status).toBe(403)
    expectNoSecret(foreign)
    const bad = await suite.send({ path, headers: { authorization: 'Bearer a.b.c' } })
    expect(bad.status).toBe(statusWithoutCookies(suite.setting))
  })

  it.skipIf(!suite.can.key)(
    'renews cookies late in their life, and only with a session that covers the path',
    async () => {
      const now = epoch()
      const late = signedCookies(
        keyOf(suite.target),
        // Made 100 s ago for 120 s, by a clock that allows 60 s of skew.
        policyFor({ resource: `https://${suite.target.host}/users/alice/*`, expires: now + 20, notBefore: now - 160 }),
      )
      const cookie = cookieHeader(late)
      const session = `${suite.target.sessionCookie}=${await suite.target.login('alice')}`
      const stranger = `${suite.target.sessionCookie}=${await suite.target.login('bob')}`
      expect((await suite.send({ path, headers: { cookie } })).status).toBe(200)
      const beside = await suite.send({ path, headers: { cookie: `${cookie}; ${stranger}` } })
      expect(beside.status).toBe(statusBesideOtherUser(suite.setting))
      const renewed = await suite.send({ path, headers: { cookie: `${cookie}; ${session}` } })
      expect(renewed.status).toBe(renews ? 307 : 200)
    },
  )

  it('leaves nothing behind after sign-out', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    await alice.send(path)
    expect((await alice.send({ method: 'DELETE', path: '/_edge/session' })).status).toBe(204)
    const left = await alice.inventory()
    expect(left.filter((cookie) => !cookie.startsWith('edge-renewed '))).toEqual(leftBySignOut(suite.setting))
    expect((await alice.send(path)).status).toBe(statusWithoutCookies(suite.setting))
  })

  it.skipIf(!renews || !suite.can.sessions)('ends whatever was renewed by one sign-out', async () => {
    const browser = suite.browser()
    const files: string[] = []
    // Eight prefixes of one user, then those of two more: more than one response can delete.
    for (const [index, sub] of ['alice', 'carol', 'dave'].entries()) {
      const teams = Array.from({ length: 7 }, (_, i) => `t${index}${i}`)
      const token = sessionsOf(suite.target).session(sub, { team: teams })
      await browser.keep(`${suite.target.sessionCookie}=${token}; Path=/; HttpOnly; Secure`)
      const own = [`/users/${sub}/disk.bin`, ...teams.map((team) => `/teams/${team}/notes.txt`)]
      for (const file of own) {
        expect((await browser.send(file)).status, file).toBe(307)
        expect([200, 404], file).toContain((await browser.send(file)).status)
      }
      files.push(...own)
      if (index === 1) continue
      expect((await browser.send({ method: 'DELETE', path: '/_edge/session' })).status).toBe(204)
      for (const file of files) expect([401, 403], file).toContain((await browser.send(file)).status)
    }
    // The next sign-in is not held up by the one before.
    const token = sessionsOf(suite.target).session('alice', {})
    await browser.keep(`${suite.target.sessionCookie}=${token}; Path=/; HttpOnly; Secure`)
    expect((await browser.send('/_edge/session')).status).toBe(200)
    expect((await browser.send(path)).status).toBe(200)
  })

  it('deletes one user’s cookies when another mints', async () => {
    const shared = await suite.withSession(await suite.target.login('alice'))
    await shared.send(path)
    await shared.keep(`${suite.target.sessionCookie}=${await suite.target.login('bob')}; Path=/; HttpOnly; Secure`)
    await shared.send('/users/bob/secret.bin')
    expect((await shared.send('/_edge/session')).status).toBe(200)
    expect((await shared.inventory()).filter((cookie) => cookie.endsWith('/users/alice/'))).toEqual(
      renews ? ['edge-renewed /users/alice/'] : [],
    )
    expect((await shared.send(path)).status).toBe(403)
  })

  it.skipIf(!renews)('sends a navigation without a session to sign in, with the way back', async () => {
    const answer = await suite.send({ path: `${path}?x=1`, headers: navigation })
    expect([302, 401]).toContain(answer.status)
    if (answer.status === 401) return
    const location = new URL(String(answer.headers.location), suite.target.baseUrl)
    const back = new URL(location.searchParams.get('return') ?? 'missing:', suite.target.baseUrl)
    expect(back.pathname).toBe('/_edge/session')
    expect(back.searchParams.get('return')).toBe(`${path}?x=1`)
  })
})
