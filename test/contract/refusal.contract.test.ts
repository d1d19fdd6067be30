import { expect, it } from 'vitest'
import { cookieHeader, policyFor, signedCookies } from '../support/policy-signer.ts'
import { expectedRefusalKind, type RefusalCode, refusalKind, refusals, statusWithoutCookies } from './modes.ts'
import { describeTargets, epoch, keyOf } from './suite.ts'

/** Answers to a browser and to a program when a signature does not open a file. */
describeTargets(
  'refusals',
  (suite) => {
    const path = '/users/bob/secret.bin'
    const good = () =>
      signedCookies(
        keyOf(suite.target),
        policyFor({ resource: `https://${suite.target.host}/users/bob/*`, expires: epoch() + 300 }),
      )
    const cases: Record<string, [code: RefusalCode, change: (cookies: Map<string, string>) => unknown]> = {
      'no cookies': ['MissingKey', (c) => c.clear()],
      'no key id': ['MissingKey', (c) => c.delete('CloudFront-Key-Pair-Id')],
      'an unknown key id': ['InvalidKey', (c) => c.set('CloudFront-Key-Pair-Id', 'KUNKNOWN000000')],
      'a policy that is not JSON': ['MalformedPolicy', (c) => c.set('CloudFront-Policy', 'bm90')],
      'another signature': ['AccessDenied', (c) => c.set('CloudFront-Signature', [...signedElsewhere()].join(''))],
    }
    const signedElsewhere = () =>
      signedCookies(keyOf(suite.target), policyFor({ resource: '*', expires: epoch() + 1 })).get(
        'CloudFront-Signature',
      ) ?? ''

    it.skipIf(!suite.can.key).each(Object.keys(cases))('has a status and a body that say so for %s', async (name) => {
      const [code, change] = cases[name] ?? ['AccessDenied', () => {}]
      const cookies = good()
      change(cookies)
      const cookie = cookieHeader(cookies)
      const answer = await suite.send({ path, headers: cookie === '' ? {} : { cookie } })
      expect(answer.status).toBe(cookie === '' ? statusWithoutCookies(suite.setting) : 403)
      expect(refusalKind(answer)).toBe(expectedRefusalKind(suite.setting))
      if (refusalKind(answer) === 'xml') {
        expect(answer.text).toContain(`<Code>${code}</Code>`)
        if (code in refusals) expect(answer.text).toContain(refusals[code as keyof typeof refusals])
      }
    })

    it('is stored by no cache', async () => {
      const answer = await suite.send(path)
      expect(answer.headers['cache-control']).toMatch(/no-store|no-cache/)
      expect(answer.headers['cache-control']).not.toMatch(/public|max-age=[1-9]/)
    })

    it('stays a refusal for conditional and range requests', async () => {
      const { etag = '"x"', 'last-modified': modified = new Date().toUTCString() } = (await suite.send(path)).headers
      const requests: Record<string, string>[] = [
        { 'if-none-match': etag },
        { 'if-none-match': '*' },
        { 'if-modified-since': modified },
        { range: 'bytes=0-0' },
        { range: 'bytes=999999-' },
        { range: 'bytes=0-0', 'if-range': etag },
        { 'if-match': '"x"' },
      ]
      for (const headers of requests) {
        expect((await suite.send({ path, headers })).status, JSON.stringify(Object.keys(headers))).toBe(
          statusWithoutCookies(suite.setting),
        )
      }
      expect((await suite.send({ method: 'HEAD', path })).status).toBe(statusWithoutCookies(suite.setting))
    })

    it('echoes nothing of the request', async () => {
      const cookie =
        'CloudFront-Policy=echo-marker; CloudFront-Signature=echo-marker; CloudFront-Key-Pair-Id=echo-marker'
      const answer = await suite.send({ path: '/users/bob/echo-marker?echo-marker=1', headers: { cookie } })
      expect(answer.status).toBe(403)
      expect(answer.text).not.toContain('echo-marker')
    })

    it('is never a 500 for cookies of any shape', async () => {
      for (const value of ['', '=', '"', '%', '\xff', 'a'.repeat(3000), '{}', '__proto__', 'W10_', '~-_']) {
        const cookie = `CloudFront-Policy=${value}; CloudFront-Signature=${value}; CloudFront-Key-Pair-Id=${value}; edge-issued=${value}`
        const answer = await suite.send({ path, headers: { cookie } })
        expect([400, 403], JSON.stringify(value)).toContain(answer.status)
      }
    })

    it('leads to the session endpoint once, where the stage has the page for it', async () => {
      const answer = await suite.send({ path: '/_edge/pages/403.html' })
      if (expectedRefusalKind(suite.setting) !== 'page') return
      expect(answer.status).toBe(200)
      expect(answer.headers['content-type']).toMatch(/^text\/html/)
      expect((await suite.send(path)).text).toBe(answer.text)
    })
  },
  { refusals: true },
)
