import { expect, it } from 'vitest'
import { minted } from '../support/set-cookie.ts'
import { leftBySignOut, statusWithoutCookies } from './modes.ts'
import { describeTargets, expectProblem, type Suite } from './suite.ts'

const endpoint = '/_edge/session'

/** State changes come from the app itself; an absent header is a tool such as curl, which holds no cookies of a victim. */
describeTargets('cross-site requests', (suite) => {
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost.evil.example:8080' },
    { origin: 'https://app.example.com.evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
  ]
  it.each(foreign)('refuses to mint by POST or to sign out by DELETE with %j', async (headers) => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    for (const method of ['POST', 'DELETE']) {
      const answer = await alice.send({ method, path: endpoint, headers })
      expectProblem(answer, 403, 'ERR_CROSS_SITE')
      expect(answer.setCookie).toEqual([])
    }
  })

  it('refuses to sign out by an image on a page of another origin, or by a link of another site', async () => {
    const alice = await suite.signedIn('alice')
    const image = { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }
    for (const site of ['cross-site', 'same-site']) {
      const answer = await alice.send({
        path: `${endpoint}/end?return=%2F`,
        headers: { ...image, 'sec-fetch-site': site },
      })
      expect(answer.status, site).toBe(403)
      expect(answer.setCookie).toEqual([])
    }
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', accept: 'text/html' }
    expect((await alice.send({ path: `${endpoint}/end`, headers: link })).status).toBe(403)
    expect((await alice.send('/users/alice/one.bin')).status).toBe(200)
  })

  it('takes the app and tools without the headers', async () => {
    const own = new URL(suite.target.baseUrl).origin
    for (const headers of [{}, { origin: own, 'sec-fetch-site': 'same-origin' }]) {
      const alice = await suite.withSession(await suite.target.login('alice'))
      expect((await alice.send({ method: 'POST', path: endpoint, headers })).status).toBe(200)
      expect((await alice.send({ method: 'DELETE', path: endpoint, headers })).status).toBe(204)
    }
  })

  it('lets no foreign origin read an answer', async () => {
    const alice = await suite.signedIn('alice')
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
      for (const path of [endpoint, '/users/alice/one.bin']) {
        const answer = await alice.send({ path, headers: { origin } })
        expect(answer.headers['access-control-allow-origin'], `${origin} ${path}`).toBeUndefined()
      }
    }
  })
})

/** Sign-out leaves a browser as it was before the first mint. */
describeTargets('sign-out', (suite) => {
  it('clears every cookie by DELETE, the app session too', async () => {
    const alice = await suite.signedIn('alice')
    expect(await alice.inventory()).not.toEqual([])
    const answer = await alice.send({ method: 'DELETE', path: endpoint })
    expect(answer.status).toBe(204)
    expect(answer.body.length).toBe(0)
    expect(minted(answer).map(({ name }) => `${name} /`)).toEqual(leftBySignOut(suite.setting))
    expect(await alice.inventory()).toEqual(leftBySignOut(suite.setting))
    expect((await alice.send('/users/alice/one.bin')).status).toBe(statusWithoutCookies(suite.setting))
    expect((await alice.send(endpoint)).status).toBe(401)
  })

  it('clears every cookie by navigation and goes to the return address', async () => {
    const alice = await suite.signedIn('alice')
    const headers = {
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-user': '?1',
      accept: 'text/html',
    }
    const answer = await alice.send({ path: `${endpoint}/end?return=%2Fgoodbye`, headers })
    expect(answer.status).toBe(303)
    expect(new URL(String(answer.headers.location), suite.target.baseUrl).pathname).toBe('/goodbye')
    expect(await alice.inventory()).toEqual(leftBySignOut(suite.setting))
  })

  it('does so without an app session, as long as the grants are known', async () => {
    const alice = await suite.signedIn('alice')
    await alice.keep(`${suite.target.sessionCookie}=; Path=/; Max-Age=0; Secure`)
    expect((await alice.send({ method: 'DELETE', path: endpoint })).status).toBe(204)
    expect(await alice.inventory()).toEqual(leftBySignOut(suite.setting))
  })

  it('is harmless where there is nothing to clear', async () => {
    expect((await suite.send({ method: 'DELETE', path: endpoint })).status).toBe(204)
  })

  it('ignores a list of grants that it did not sign', async () => {
    const forged = Buffer.from('["/users/bob/","/"]').toString('base64url')
    const cookie = `edge-grants=${forged}.${'A'.repeat(43)}`
    const answer = await suite.send({ method: 'DELETE', path: endpoint, headers: { cookie } })
    expect(answer.status).toBe(204)
    expect(answer.setCookie.filter((line) => /Path=\/users\/bob\/|CloudFront.*Path=\/;/i.test(line))).toEqual([])
  })

  it('leaves no file of the first user to the second', async () => {
    const shared = await suite.signedIn('alice')
    await becomeBob(suite, shared)
    const left = await shared.inventory()
    expect(left.filter((cookie) => cookie.includes('/users/alice/'))).toEqual([])
    expect((await shared.send('/users/bob/secret.bin')).status).toBe(200)
    expect((await shared.send('/users/alice/one.bin')).status).toBe(403)
  })
})

async function becomeBob(suite: Suite, browser: Awaited<ReturnType<Suite['signedIn']>>): Promise<void> {
  await browser.keep(`${suite.target.sessionCookie}=${await suite.target.login('bob')}; Path=/; HttpOnly; Secure`)
  expect((await browser.send(endpoint)).status).toBe(200)
}
