import { expect, it } from 'vitest'
import { rawGet, sendRaw } from '../support/raw-request.ts'
import { alice2Secret, bobSecret, disk, oddName } from './content.ts'
import { expectedRefusalKind, refusalKind, statusWithoutCookies } from './modes.ts'
import { describeTargets, expectNoSecret, expectProblem, type Suite } from './suite.ts'

/** Access by prefix: cookies of one prefix open that prefix and nothing else, in every spelling of the path. */
describeTargets('access', (suite) => {
  it('lets alice read her own file', async () => {
    const alice = await suite.signedIn('alice')
    const answer = await alice.send('/users/alice/disk.bin')
    expect(answer.status).toBe(200)
    expect(answer.body.equals(disk)).toBe(true)
  })

  it('lets bob read his', async () => {
    const bob = await suite.signedIn('bob')
    expect((await bob.send('/users/bob/secret.bin')).text).toBe(bobSecret)
  })

  it('refuses without cookies', async () => {
    const answer = await suite.send('/users/bob/secret.bin')
    expect(answer.status).toBe(statusWithoutCookies(suite.setting))
    expect(refusalKind(answer)).toBe(expectedRefusalKind(suite.setting))
    expectNoSecret(answer)
  })

  it('refuses without cookies whether or not there is such a file', async () => {
    const [present, absent] = await Promise.all([
      suite.send('/users/bob/secret.bin'),
      suite.send('/users/bob/no-such-file'),
    ])
    expect(absent.status).toBe(statusWithoutCookies(suite.setting))
    expect(absent.text).toBe(present.text)
  })

  it('refuses an app session without minted cookies on HEAD of a private path of another user', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const answer = await alice.send({ method: 'HEAD', path: '/users/bob/secret.bin' })
    expect(answer.status).toBe(403)
    expect(answer.headers['content-length']).not.toBe(String(bobSecret.length))
  })

  const foreign = [
    '/users/bob/secret.bin',
    '/users/bob/',
    '/users/alice2/secret.bin',
    '/users/alice',
    '/users/ALICE/disk.bin',
  ]
  it.each(foreign)("refuses alice's cookies on %s", async (path) => {
    const answer = await sendAsAlice(suite, path)
    expect(answer.status).toBe(403)
    expectNoSecret(answer)
  })

  it('serves names that need percent-encoding', async () => {
    const alice = await suite.signedIn('alice')
    const answer = await alice.send(`/users/alice/${encodeURIComponent(oddName)}`)
    expect(answer.status).toBe(200)
    expect(answer.text).toBe('odd\n')
  })

  it('takes cookies on a URL with a query string', async () => {
    const alice = await suite.signedIn('alice')
    const answer = await alice.send('/users/alice/one.bin?version=2&x=%2F')
    expect(answer.status).toBe(200)
    expect(answer.text).toBe('x')
  })

  it('answers 404, not a listing, for a prefix of her own and for a file that is not there', async () => {
    const alice = await suite.signedIn('alice')
    for (const path of [
      '/users/alice/',
      '/users/alice/no-such-file',
      '/users/alice/disk.bin/',
      '/users/alice/images/',
    ]) {
      const answer = await alice.send(path)
      expect(answer.status, path).toBe(404)
      expect(answer.text, path).not.toContain('disk.bin')
    }
  })

  const notCanonical = [
    '/users/alice/../bob/secret.bin',
    '/users/alice/../../users/bob/secret.bin',
    '/users/alice/%2e%2e/bob/secret.bin',
    '/users/alice/%2E%2E/bob/secret.bin',
    '/users/alice/.%2e/bob/secret.bin',
    '/users/alice/%2e./bob/secret.bin',
    '/users/alice/..%2fbob/secret.bin',
    '/users/alice/..%2Fbob%2Fsecret.bin',
    '/users/alice/%2e%2e%2fbob%2fsecret.bin',
    '/users/alice/..%5cbob%5csecret.bin',
    '/users/alice/..\\bob\\secret.bin',
    '/users/alice/%252e%252e/bob/secret.bin',
    '/users/alice/..%252fbob/secret.bin',
    '/users/alice/..;/bob/secret.bin',
    '/users/alice//../bob/secret.bin',
    '/users/alice/%2f..%2f../bob/secret.bin',
    '/users/alice/x/../../bob/secret.bin',
    '/users/alice/../alice2/secret.bin',
    '/users/alice/%c0%ae%c0%ae/bob/secret.bin',
    '/users/alice/%u002e%u002e/bob/secret.bin',
    '/users/bob/secret.bin%00',
    '/users/bob/secret.bin?/users/alice/',
    '/users/bob/secret.bin#/users/alice/',
    '/users/./bob/secret.bin',
    '/users//bob/secret.bin',
    '//users/bob/secret.bin',
    '/./users/bob/secret.bin',
    '/%75sers/bob/secret.bin',
    '/users/%62ob/secret.bin',
    '/users%2fbob%2fsecret.bin',
    '/public/../users/bob/secret.bin',
    '/public/%2e%2e/users/bob/secret.bin',
    '/public/..%2fusers/bob/secret.bin',
    '/public/..%2fusers%2fbob%2fsecret.bin',
    '/public/%2e%2e%2fusers%2fbob%2fsecret.bin',
    '/public/..%5cusers%5cbob%5csecret.bin',
    '/public//../users/bob/secret.bin',
    '/public/%252e%252e/users/bob/secret.bin',
    '/_edge/pages/../../users/bob/secret.bin',
    '/_edge/pages/%2e%2e/%2e%2e/users/bob/secret.bin',
    '/_edge/pages/..%2f..%2fusers%2fbob%2fsecret.bin',
    '/_edge/session/../../users/bob/secret.bin',
    '/nothing/../users/bob/secret.bin',
  ]
  it.each(notCanonical)("never leads alice's cookies to another prefix: %s", async (path) => {
    const answer = await sendAsAlice(suite, path)
    expectNoSecret(answer)
    expect([400, 403, 404]).toContain(answer.status)
  })

  it.each(notCanonical)('never leads a request without cookies to a private file: %s', async (path) => {
    const answer = await suite.send(path)
    expectNoSecret(answer)
    expect([400, 404, statusWithoutCookies(suite.setting)]).toContain(answer.status)
  })

  const ownButNotCanonical = [
    '/users/alice/./disk.bin',
    '/users/alice/%2e/disk.bin',
    '/users/alice//disk.bin',
    '/users/alice/images/../disk.bin',
    '/users/alice/images/%2e%2e/disk.bin',
    '/users/alice/images%2fbig.raw',
    '/users/alice/images%5cbig.raw',
    '/public/./logo.txt',
    '/public//logo.txt',
    '/public/x/../logo.txt',
    '/public/%2e/logo.txt',
    '/public/x%2flogo.txt',
  ]
  it.each(ownButNotCanonical)('refuses a path that is not canonical even where she may read: %s', async (path) => {
    expectProblem(await sendAsAlice(suite, path), 400, 'ERR_PATH_NOT_CANONICAL')
  })

  const internal = [
    '/',
    '/index.html',
    '/private-notes.txt',
    '/_incoming/0001',
    '/_state/revocations.json',
    '/_state/revocations-backup.json',
    '/users/',
    '/users',
    '/teams/red',
    '/public',
    '/public/',
    '/_edge/',
    '/_edge/pages/',
    '/_edge/sessions',
    '/_edge/session-x',
    '/favicon.ico',
  ]
  it.each(internal)('serves nothing of the bucket at %s', async (path) => {
    const answer = await sendAsAlice(suite, path)
    expectNoSecret(answer)
    expect([403, 404]).toContain(answer.status)
    expect(answer.text).not.toMatch(/ListBucketResult|<Key>|disk\.bin|logo\.txt/)
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND'])(
    'refuses %s on private and public paths',
    async (method) => {
      const alice = await suite.signedIn('alice')
      for (const path of ['/users/alice/one.bin', '/public/logo.txt', '/users/alice/new.bin']) {
        const answer = await alice.send({ method, path, ...(method === 'TRACE' ? {} : { body: 'overwritten' }) })
        expect([400, 403, 405, 501], `${method} ${path}`).toContain(answer.status)
      }
      expect((await alice.send('/users/alice/one.bin')).text).toBe('x')
      expect((await alice.send('/users/alice/new.bin')).status).toBe(404)
    },
  )

  it('keeps cookies of the host that they were signed for', async () => {
    const alice = await suite.signedIn('alice')
    const cookie = await suite.grantCookies(alice, '/users/alice/')
    for (const host of ['other.example', 'localhost', `evil.${suite.target.host}`]) {
      const answer = await suite.send({ path: '/users/alice/one.bin', headers: { cookie, host } })
      expect([400, 403, 421], host).toContain(answer.status)
      expect(answer.text, host).not.toBe('x')
    }
  })

  const absolute = [
    'http://HOST/users/bob/secret.bin',
    'https://HOST/users/bob/secret.bin',
    'http://evil.example/users/bob/secret.bin',
  ]
  it.each([
    ...absolute,
    'http://HOST/users/alice/../bob/secret.bin',
    'http://HOST@evil.example/users/bob/secret.bin',
    'http:///users/bob/secret.bin',
    'users/bob/secret.bin',
    '*',
    '?/users/bob/secret.bin',
    '/users/alice/\xff/../../bob/secret.bin',
    '/users/alice/\x01../bob/secret.bin',
    '/users/alice/\x00/../bob/secret.bin',
    '/users/bob/secret.bin\x00.png',
    '/users/bob/secret.bin /users/alice/',
    '/users/alice/\t../bob/secret.bin',
  ])('never leads a raw request target to another prefix: %j', async (target) => {
    const alice = await suite.signedIn('alice')
    const { host, baseUrl } = suite.target
    const cookie = await alice.cookieHeader('/users/alice/')
    const answer = await sendRaw(baseUrl, rawGet(host, target.replace('HOST', host), { Cookie: cookie }))
    expectNoSecret(answer)
    // 0: hung up without an answer.
    expect([0, 400, 403, 404, 405, 421]).toContain(answer.status)
  })

  it('judges the absolute form by its own path, not by the Host header', async () => {
    const alice = await suite.signedIn('alice')
    const { host, baseUrl } = suite.target
    const cookie = await alice.cookieHeader('/users/alice/')
    const own = await sendRaw(baseUrl, rawGet(host, `http://${host}/users/alice/one.bin`, { Cookie: cookie }))
    expect([200, 400, 403]).toContain(own.status)
    const [name] = host.split(':')
    const otherPort = await sendRaw(baseUrl, rawGet(host, `http://${name}:1/users/alice/one.bin`, { Cookie: cookie }))
    expect([400, 403, 404, 421]).toContain(otherPort.status)
    const spoofed = await sendRaw(baseUrl, rawGet(host, 'http://evil.example/users/alice/one.bin', { Cookie: cookie }))
    expect([400, 403, 404, 421]).toContain(spoofed.status)
  })

  it('refuses two Host fields', async () => {
    const alice = await suite.signedIn('alice')
    const { host, baseUrl } = suite.target
    const request = rawGet(host, '/users/alice/one.bin', {
      Host: 'evil.example',
      Cookie: await alice.cookieHeader('/users/alice/'),
    })
    expect((await sendRaw(baseUrl, request)).status).toBe(400)
  })

  it('refuses bytes that are no UTF-8 in the fields of a signature', async () => {
    const { host, baseUrl } = suite.target
    const grant = await suite.grantCookies(await suite.signedIn('alice'), '/users/alice/')
    for (const cookie of [grant.replace(/(Key-Pair-Id=K)/, '$1\xed'), grant.replace(/(Policy=)/, '$1\xff')]) {
      expect(cookie).not.toBe(grant)
      const answer = await sendRaw(baseUrl, rawGet(host, '/users/alice/one.bin', { Cookie: cookie }))
      expect([400, 403]).toContain(answer.status)
    }
  })

  it("does not mix alice's signature with bob's path by sending both users' cookies", async () => {
    const alice = await suite.grantCookies(await suite.signedIn('alice'), '/users/alice/')
    for (const cookie of [`${alice}; ${alice}`, `CloudFront-Policy=x; ${alice}`, `${alice}; CloudFront-Policy=x`]) {
      const answer = await suite.send({ path: '/users/bob/secret.bin', headers: { cookie } })
      expect(answer.status).toBe(403)
      expectNoSecret(answer)
    }
  })

  it("gives a shared cache's copy to nobody else", async () => {
    const bob = await suite.signedIn('bob')
    expect((await bob.send('/users/bob/secret.bin')).text).toBe(bobSecret)
    for (const headers of [{}, { range: 'bytes=0-3' }, { 'if-none-match': '"x"' }, { origin: 'http://localhost:1' }]) {
      const answer = await suite.send({ path: '/users/bob/secret.bin', headers })
      expect(answer.status).toBe(statusWithoutCookies(suite.setting))
      expectNoSecret(answer)
    }
    expectNoSecret(await sendAsAlice(suite, '/users/bob/secret.bin'))
    expect(alice2Secret).not.toBe(bobSecret)
  })

  it('demands a range where the stage says so', async () => {
    const alice = await suite.signedIn('alice')
    const path = '/users/alice/range-only/disk.bin'
    expectProblem(await alice.send(path), 400, 'ERR_RANGE_REQUIRED')
    const part = await alice.send({ path, headers: { range: 'bytes=0-15' } })
    expect(part.status).toBe(206)
    expect(part.body.equals(disk.subarray(0, 16))).toBe(true)
    expect((await alice.send({ method: 'HEAD', path })).status).toBe(200)
  })
})

/** A request for `path` with the cookies of alice's own prefix, whatever Path rules a browser would apply. */
async function sendAsAlice(suite: Suite, path: string) {
  const alice = await suite.signedIn('alice')
  return suite.send({ path, headers: { cookie: await alice.cookieHeader('/users/alice/') } })
}
