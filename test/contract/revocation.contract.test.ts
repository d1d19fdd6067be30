import { expect, it } from 'vitest'
import { cookieHeader, policyFor, signedCookies, urlWithPolicy } from '../support/policy-signer.ts'
import { describeTargets, epoch, expectNoSecret, expectProblem, keyOf } from './suite.ts'

/** Access that was taken away before its cookies ran out. Each case revokes a prefix of its own: entries stay. */
describeTargets(
  'revocation',
  (suite) => {
    const skipped = !suite.can.revoke || !suite.can.sessions
    const revoke = (prefix: string, at = epoch()) => {
      if (suite.target.revoke === undefined) throw new Error('guard this case with can.revoke')
      return suite.target.revoke({ prefix, at })
    }
    const expectRevoked = (answer: Parameters<typeof expectProblem>[0]) => {
      expectNoSecret(answer)
      expectProblem(answer, 403, 'ERR_ACCESS_REVOKED')
    }

    it.skipIf(skipped)(
      'closes a prefix to cookies that were good a moment ago, and leaves the others open',
      async () => {
        const red = await suite.signedInWith('alice', { team: 'red' })
        expect((await red.send('/teams/red/notes.txt')).status).toBe(200)
        await revoke('/teams/red/')
        expectRevoked(await red.send('/teams/red/notes.txt'))
        expectRevoked(await red.send({ path: '/teams/red/notes.txt', headers: { range: 'bytes=0-0' } }))
        expect((await red.send('/users/alice/one.bin')).status).toBe(200)
        const blue = await suite.signedInWith('alice', { team: 'blue' })
        expect((await blue.send('/teams/blue/notes.txt')).status).toBe(200)
      },
    )

    it.skipIf(skipped || !suite.can.key)(
      'takes no cookies without a stamp, nor signed URLs, where there is an entry',
      async () => {
        const key = keyOf(suite.target)
        const policy = policyFor({ resource: `https://${suite.target.host}/users/alice2/*`, expires: epoch() + 300 })
        const path = '/users/alice2/secret.bin'
        const cookie = cookieHeader(signedCookies(key, policy))
        const url = urlWithPolicy(key, `https://${suite.target.host}${path}`, policy)
        const open = () => suite.send({ path: url.slice(new URL(url).origin.length) })
        expect((await suite.send({ path, headers: { cookie } })).status).toBe(200)
        expect((await open()).status).toBe(200)
        await revoke('/users/alice2/', epoch() - 3600)
        expectRevoked(await suite.send({ path, headers: { cookie } }))
        expectRevoked(await open())
      },
    )

    it.skipIf(skipped)('takes cookies that were minted after the moment of revocation', async () => {
      await revoke('/users/late/', epoch() - 3600)
      const late = await suite.signedInWith('late')
      expect((await late.send('/users/late/no-such-file')).status).toBe(404)
    })

    it.skipIf(skipped)('believes no stamp that it did not make', async () => {
      const forger = await suite.signedInWith('forger')
      const path = '/users/forger/no-such-file'
      expect((await forger.send(path)).status).toBe(404)
      await revoke('/users/forger/')
      const cookies = await forger.cookies('/users/forger/')
      const [, mac = ''] = (cookies.get('edge-issued') ?? '').split('.')
      expect(mac).not.toBe('')
      const other = (await (await suite.signedIn('bob')).cookies('/users/bob/')).get('edge-issued') ?? ''
      const future = epoch() + 3600
      for (const stamp of [
        `${future}.${mac}`,
        `${future}.`,
        `${future}`,
        '',
        `${'9'.repeat(15)}.${mac}`,
        other,
        `${future}.${mac}.${mac}`,
      ]) {
        const header = cookieHeader(new Map([...cookies, ['edge-issued', stamp]]))
        expectRevoked(await suite.send({ path, headers: { cookie: header } }))
      }
    })

    it.skipIf(skipped)('closes a prefix, not those that begin like it', async () => {
      const near = await suite.signedInWith('nearby')
      await revoke('/users/near/')
      expect((await near.send('/users/nearby/no-such-file')).status).toBe(404)
    })

    it.skipIf(skipped)('closes the prefix of a name that needs percent-encoding', async () => {
      const browser = await suite.signedInWith('zoë w')
      const prefix = '/users/zo%C3%AB%20w/'
      expect((await browser.send(`${prefix}no-such-file`)).status).toBe(404)
      await revoke(prefix)
      expectRevoked(await browser.send(`${prefix}no-such-file`))
      // Another spelling of the same octets may also fail the policy or the canonical form; it must not open.
      expect([400, 403]).toContain((await browser.send('/users/zo%c3%ab%20w/no-such-file')).status)
    })
  },
  { own: true },
)

/** A revoked session cannot mint again. Its own target: the session function may keep what it read for 30 s. */
describeTargets(
  'revoked sessions',
  (suite) => {
    it.skipIf(!suite.can.revoke || !suite.can.sessions)('refuses to mint for a session issued before', async () => {
      if (suite.target.revoke === undefined) throw new Error('guard this case with can.revoke')
      await suite.target.revoke({ prefix: '/users/mallory/', sub: 'mallory', at: epoch() })
      const token = (sub: string) => suite.target.sessions?.session(sub) ?? ''
      const mint = (sub: string) =>
        suite.send({ path: '/_edge/session', headers: { authorization: `Bearer ${token(sub)}` } })
      expectProblem(await mint('mallory'), 401, 'ERR_SESSION_REVOKED')
      expect((await mint('alice')).status).toBe(200)
    })
  },
  { own: true },
)
