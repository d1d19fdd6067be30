import { expect, it } from 'vitest'
import { minted } from '../support/set-cookie.ts'
import { describeTargets, expectProblem, sessionsOf } from './suite.ts'

const endpoint = '/_edge/session'
const navigate = {
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-user': '?1',
  accept: 'text/html',
}

/** Return addresses: under a minted prefix or at the app, never at a third party (CWE-601). */
describeTargets('return address', (suite) => {
  const goTo = async (address: string, path = endpoint) => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    return alice.send({ path: `${path}?return=${encodeURIComponent(address)}`, headers: navigate })
  }

  it('sends a navigation back with fresh cookies that open the page', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const address = '/users/alice/disk.bin?v=1&w=%20'
    const answer = await alice.send({ path: `${endpoint}?return=${encodeURIComponent(address)}`, headers: navigate })
    expect(answer.status).toBe(303)
    expect(new URL(String(answer.headers.location), suite.target.baseUrl).href).toBe(
      `${suite.target.baseUrl}${address}`,
    )
    expect(answer.headers['cache-control']).toMatch(/no-store/)
    expect(answer.body.length).toBe(0)
    expect((await alice.send(address)).status).toBe(200)
  })

  it("answers a path under somebody else's prefix by a 403 page, not by a redirect that ends there", async () => {
    for (const address of ['/users/bob/secret.bin', '/users/alice2/secret.bin', '/teams/red/notes.txt']) {
      const answer = await goTo(address)
      expect(answer.status, address).toBe(403)
      expect(answer.headers['content-type']).toMatch(/^text\/html/)
      expect(answer.headers.location).toBeUndefined()
      expect(answer.text).not.toContain(address)
    }
  })

  const hostile = [
    '//evil.example/',
    '///evil.example/',
    '/\\evil.example/',
    '\\\\evil.example/',
    '\\/evil.example',
    '/\t/evil.example/',
    '/\n/evil.example/',
    '/\r\nLocation: https://evil.example/',
    '\t//evil.example/',
    ' //evil.example/',
    '/%2f/evil.example',
    '/%5cevil.example',
    '/%2F%2Fevil.example',
    '/%09/evil.example',
    '/%0d%0aSet-Cookie:%20a=b',
    '/%00/',
    '/\u0000/',
    '/users/alice/../../\\evil.example',
    'https://evil.example/',
    'https:evil.example',
    'http:/evil.example',
    'HTTPS://evil.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'evil.example/',
    'users/alice/disk.bin',
    '?return=//evil.example',
    '#x',
    '@evil.example',
    'https://localhost@evil.example/',
    'https://app.example.com.evil.example/',
    'https://evil.example/?https://app.example.com/',
    'http://localhost.evil.example:80/',
    'http://localhost:80@evil.example/',
    'https://app.example.com\\@evil.example/',
    `/users/alice/${'a'.repeat(4000)}`,
  ]
  it.each(hostile)('refuses %j', async (address) => {
    const answer = await goTo(address)
    expect([400, 403, 414]).toContain(answer.status)
    expect(answer.headers.location).toBeUndefined()
    expect(answer.text).not.toContain('evil.example')
  })

  it.each(hostile.slice(0, 12))('refuses %j after sign-out, too', async (address) => {
    const answer = await goTo(address, `${endpoint}/end`)
    expect(answer.status).toBe(400)
    expect(answer.headers.location).toBeUndefined()
  })

  it.each(hostile.slice(0, 12))('hands %j on to no login page', async (address) => {
    const answer = await suite.send({ path: `${endpoint}?return=${encodeURIComponent(address)}`, headers: navigate })
    expect(answer.status).toBe(400)
    expect(answer.headers.location).toBeUndefined()
  })

  it('refuses two return addresses', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const path = `${endpoint}?return=%2Fusers%2Falice%2F&return=%2F%2Fevil.example`
    const answer = await alice.send({ path, headers: navigate })
    expect(answer.status).toBe(400)
    expect(answer.headers.location).toBeUndefined()
  })

  it('answers a fetch with a problem, not with a page', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const answer = await alice.send({
      path: `${endpoint}?return=//evil.example`,
      headers: { 'sec-fetch-mode': 'cors' },
    })
    expectProblem(answer, 400, 'ERR_RETURN_INVALID')
  })

  it.skipIf(suite.can.sessions === false)('sends back to an allowed origin', async () => {
    for (const address of ['http://localhost:3000/app?x=1', 'https://localhost:8443/']) {
      const answer = await goTo(address)
      expect(answer.status, address).toBe(303)
      expect(answer.headers.location).toBe(address)
      expect(minted(answer).length).toBeGreaterThan(3)
    }
  })

  it('keeps the spelling of an address that a header line could not hold', async () => {
    const answer = await goTo('/users/alice/é \u2028x')
    expect(answer.status).toBe(303)
    expect(answer.headers.location).toMatch(/\/users\/alice\/%C3%A9%20%E2%80%A8x$/)
  })

  it.skipIf(!suite.can.sessions)('goes on to the encoded prefix of a link with a raw one', async () => {
    const sub = 'user@example.com'
    const [raw, served] = [`/users/${sub}/a@b.bin`, '/users/user%40example.com/a@b.bin']
    const user = await suite.withSession(sessionsOf(suite.target).session(sub))
    const answer = await user.send({ path: `${endpoint}?return=${encodeURIComponent(raw)}`, headers: navigate })
    expect(answer.status).toBe(303)
    expect(new URL(String(answer.headers.location), suite.target.baseUrl).pathname).toBe(served)
    expect((await user.send(served)).status).toBe(404)
    const plus = await user.send({
      path: `${endpoint}?return=${encodeURIComponent('/users/a+b/x')}`,
      headers: navigate,
    })
    expect([plus.status, plus.headers.location]).toEqual([400, undefined])
    expect(plus.text).toContain('ERR_PATH_RESERVED')
  })

  it.skipIf(!suite.can.sessions || suite.setting.mode !== 'gate')(
    'redirects a navigation to a raw prefix',
    async () => {
      const answer = await suite.send({ path: '/users/user@example.com/x?v=1', headers: navigate })
      expect([answer.status, answer.headers.location]).toEqual([307, '/users/user%40example.com/x?v=1'])
      expectProblem(await suite.send('/users/user@example.com/x'), 400, 'ERR_PATH_RESERVED')
    },
  )

  it('mints for a navigation that comes from a login page on another site', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const headers = { ...navigate, 'sec-fetch-site': 'cross-site' }
    const answer = await alice.send({ path: `${endpoint}?return=%2Fusers%2Falice%2Fone.bin`, headers })
    expect(answer.status).toBe(303)
  })

  it('never puts the return address into another header', async () => {
    const answer = await goTo('/users/alice/x\r\nX-Injected: yes')
    expect(answer.status).toBe(400)
    expect(answer.headers['x-injected']).toBeUndefined()
  })
})
