import { createPrivateKey, createPublicKey } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { createCdnUrls, type DownloadUrls } from '../../shared/assets/download-urls.ts'
import { parseObjectKey } from '../../shared/assets/object-key.ts'
import { createPolicySigner } from '../../shared/cloudfront/signer.ts'
import { parseResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import type { Answer, Send } from '../support/http-client.ts'
import { disk, oddName } from './content.ts'
import { namesSignedDownloads } from './modes.ts'
import { describeTargets, epoch, expectNoSecret, expectProblem, keyOf, type Suite } from './suite.ts'

/** Makes links as a client gets them: one file, or a folder's `baseUrl` and `querystring`. */
interface Links {
  file(key: string, filename?: string): Promise<string>
  folder(prefix: string): Promise<{ readonly baseUrl: string; readonly querystring: string }>
}

/** Everything that a download link promises, whichever backend made it. Cookies and sessions play no part. */
describeTargets(
  'downloads',
  (suite) => {
    describe.each<[string, boolean, boolean, () => Links]>([
      ['the API of the target', true, true, () => apiLinks(suite)],
      // CloudFront's signed URLs, as the API makes them where files are in S3.
      ['signed URLs', suite.can.key, namesSignedDownloads(suite.setting), () => signedLinks(suite)],
    ])('by %s', (_, isPossible, isNamed, make) => {
      let links: Links
      beforeAll(() => {
        if (isPossible) links = make()
      })
      const open = (url: string, options: Partial<Send> = {}) =>
        suite.send({ path: url.slice(new URL(url).origin.length), ...options })

      it.skipIf(!isPossible)('open one file, whole and in parts', async () => {
        const url = await links.file('users/alice/disk.bin')
        const whole = await open(url)
        expect([whole.status, whole.body.equals(disk)]).toEqual([200, true])
        const part = await open(url, { headers: { range: 'bytes=10-19' } })
        expect([part.status, part.body.equals(disk.subarray(10, 20))]).toEqual([206, true])
        expect((await open(url, { method: 'HEAD' })).headers['content-length']).toBe(String(disk.length))
        expect((await open(await links.file(`users/alice/${oddName}`))).text).toBe('odd\n')
        expect((await open(await links.file('users/alice/nothing'))).status).toBe(404)
      })

      it.skipIf(!isPossible || !isNamed)('save a file under the name that was asked for', async () => {
        const { status, headers } = await open(await links.file('users/alice/one.bin', 'Zoë "1".bin'))
        expect(status).toBe(200)
        expect(headers['content-disposition']).toBe(
          `attachment; filename="Zo_ _1_.bin"; filename*=UTF-8''Zo%C3%AB%20%221%22.bin`,
        )
      })

      it.skipIf(!isPossible)('protect what they open', async () => {
        for (const name of ['one.bin', 'page.html']) {
          const { status, headers } = await open(await links.file(`users/alice/${name}`))
          expect(status).toBe(200)
          expect(headers['x-content-type-options']).toBe('nosniff')
          expect(headers['cross-origin-resource-policy']).toBe('same-site')
          expect(headers['referrer-policy']).toBe('no-referrer')
          expect(headers['content-security-policy']).toMatch(/^(sandbox; )?default-src 'none';/)
          expect(headers['cache-control']).toMatch(/^private, no-(cache|store), no-transform$/)
        }
      })

      it.skipIf(!isPossible)('open nothing else', async () => {
        const url = await links.file('users/alice/disk.bin')
        const { baseUrl, querystring } = await links.folder('users/alice/')
        const base = new URL(baseUrl)
        const bobs = `${base.pathname.replace('alice', 'bob')}secret.bin`
        const targets = [
          url.slice(base.origin.length).replace('alice/disk.bin', 'bob/secret.bin'),
          `${bobs}?${querystring}`,
          `${bobs}?${querystring}|${base.pathname}`,
          `${bobs}?${querystring}&prefix=${base.pathname.replace('alice', 'bob')}`,
          `${bobs}?${querystring.replaceAll('alice', 'bob')}`,
          ...[
            '../bob/secret.bin',
            '%2e%2e/bob/secret.bin',
            '..%2Fbob%2Fsecret.bin',
            '/../bob/secret.bin',
            './../bob/secret.bin',
          ].map((path) => `${base.pathname}${path}?${querystring}`),
        ]
        for (const path of targets) {
          const answer = await suite.send({ path })
          expect(answer.status, path).toBeGreaterThanOrEqual(400)
          expect(answer.status, path).toBeLessThan(500)
          expectNoSecret(answer)
        }
      })

      it.skipIf(!isPossible)('open a folder and everything below it', async () => {
        const { baseUrl, querystring } = await links.folder('users/alice/')
        for (const [name, text] of [
          ['one.bin', 'x'],
          ['range-only/disk.bin', undefined],
        ] as const) {
          const answer = await open(`${baseUrl}${name}?${querystring}`, { headers: { range: 'bytes=0-0' } })
          expect(answer.status, name).toBe(206)
          if (text !== undefined) expect(answer.text).toBe(text)
        }
        expect((await open(`${baseUrl}nothing?${querystring}`)).status).toBe(404)
      })

      it.skipIf(!isPossible)('keep to the rules of every read', async () => {
        const file = await links.file('users/alice/disk.bin')
        const rangeOnly = await links.file('users/alice/range-only/disk.bin')
        const { baseUrl, querystring } = await links.folder('users/alice/')
        for (const url of [file, `${baseUrl}disk.bin?${querystring}`]) {
          const ask = (headers: Record<string, string>) => open(url, { headers })
          expectProblem(await ask({ range: 'bytes=0-1,5-6' }), 416, 'ERR_RANGE_MULTIPLE')
          for (const destination of ['script', 'serviceworker', 'style'])
            expectProblem(await ask({ 'sec-fetch-dest': destination }), 403, 'ERR_FETCH_DESTINATION')
          expect((await ask({ 'sec-fetch-dest': 'video' })).status).toBe(200)
          expect([403, 405]).toContain((await open(url, { method: 'PUT' })).status)
        }
        for (const url of [rangeOnly, `${baseUrl}range-only/disk.bin?${querystring}`]) {
          expectProblem(await open(url), 400, 'ERR_RANGE_REQUIRED')
          expect((await open(url, { headers: { range: 'bytes=0-0' } })).status).toBe(206)
        }
      })

      it.skipIf(!isPossible)('can be read by pages of the allowed origins', async () => {
        const url = await links.file('users/alice/one.bin')
        const headers = { origin: 'http://localhost:3000' }
        for (const answer of [
          await open(url, { headers }),
          await open(url, { headers: { ...headers, range: '1-2,3' } }),
        ]) {
          expect(answer.headers['access-control-allow-origin']).toBe(headers.origin)
          expect(answer.headers['access-control-allow-credentials']).toBe('true')
        }
        const stranger = await open(url, { headers: { origin: 'https://evil.example' } })
        expect(stranger.headers['access-control-allow-origin']).toBeUndefined()
      })

      it.skipIf(!isPossible || !suite.can.revoke || !suite.can.sessions)(
        'end with a revocation of their prefix',
        async () => {
          // Bob's prefix is this file's own to revoke, once for each way to make links.
          const url = await links.file('users/bob/secret.bin')
          const { baseUrl, querystring } = await links.folder('users/bob/')
          const ask = (headers: Record<string, string> = {}): Promise<Answer[]> =>
            Promise.all([open(url, { headers }), open(`${baseUrl}secret.bin?${querystring}`, { headers })])
          // In the past, so that a session of now is a newer one.
          const at = epoch() - 3600
          if (!(await isRevoked(ask))) {
            for (const answer of await ask()) expect(answer.status).toBe(200)
            await suite.target.revoke?.({ prefix: '/users/bob/', at })
          }
          const bob = await suite.signedIn('bob')
          const fresh = await suite.grantCookies(bob, '/users/bob/secret.bin')
          expect(fresh).toContain('edge-issued=')
          // The stamp says that its cookies are new, and nothing about a link.
          for (const headers of [{}, { cookie: fresh }]) {
            for (const answer of await ask(headers)) {
              expectNoSecret(answer)
              expectProblem(answer, 403, 'ERR_ACCESS_REVOKED')
            }
          }
          expect((await bob.send('/users/bob/secret.bin')).status).toBe(200)
        },
      )
    })
  },
  { own: true },
)

/** Returns true if an earlier case has revoked the prefix: the entry stays. */
async function isRevoked(ask: () => Promise<Answer[]>): Promise<boolean> {
  return (await ask()).every(({ status }) => status === 403)
}

function apiLinks(suite: Suite): Links {
  const post = async (json: Record<string, unknown>) => {
    const sub = JSON.stringify(json).includes('users/bob/') ? 'bob' : 'alice'
    const { status, text } = await suite.send({
      method: 'POST',
      path: '/api/downloads',
      headers: { authorization: `Bearer ${await suite.target.login(sub)}`, 'content-type': 'application/json' },
      body: JSON.stringify(json),
    })
    expect([status, status === 200 ? '' : text]).toEqual([200, ''])
    return JSON.parse(text)
  }
  return {
    file: async (key, filename) => (await post(filename === undefined ? { key } : { key, filename })).url,
    folder: (prefix) => post({ prefix }),
  }
}

function signedLinks(suite: Suite): Links {
  const urls = (): DownloadUrls => {
    const { keyPairId, privateKey: pem, hash } = keyOf(suite.target)
    const privateKey = createPrivateKey(pem)
    const algorithm = privateKey.asymmetricKeyType === 'ec' ? 'ES256' : hash === undefined ? 'RS1' : 'RS256'
    const key = { keyPairId, algorithm, privateKey, publicKey: createPublicKey(privateKey), notBefore: 0 } as const
    return createCdnUrls({
      urls: 'signed',
      cdn: { host: suite.target.host, origin: suite.target.baseUrl },
      signer: async () => createPolicySigner(key as Parameters<typeof createPolicySigner>[0]),
      presign: undefined,
      fallbackToS3: false,
      onFallback: () => {},
    })
  }
  return {
    file: async (key, fileName) =>
      (await urls().files([{ key: parseObjectKey(key), fileName }], 300, epoch()))[0]?.url ?? '',
    folder: (prefix) => urls().folder(parseResourcePrefix(`/${prefix}`), 300, epoch()),
  }
}
