import { describe, expect, it } from 'vitest'
import { createSessionTrust } from '../../../../shared/session/session-trust.ts'
import { createSessionMaker } from '../../../support/session-maker.ts'
import { keyDocument, sessionSecret } from '../../functions/session/edge.ts'

const issuer = { secret: sessionSecret, issuer: 'app', audience: 'app' }
const token = createSessionMaker(issuer).signed({ payload: { sub: 'alice', exp: 2 ** 31 - 1 } })
const start = Math.floor(Date.now() / 1000)

/** HS256 sessions over a key document that a test may break. */
function trust() {
  const stored = { keys: (): string => JSON.stringify(keyDocument) }
  const { verifier, keys } = createSessionTrust(
    {
      cookieName: 'session',
      algorithms: ['HS256'],
      jwksUrl: null,
      jwks: null,
      issuer: 'app',
      audience: 'app',
      requiredClaims: {},
      clockSkewSeconds: 60,
      loginUrl: null,
    },
    {
      loadKeys: async () => stored.keys(),
      loadState: async () => '{}',
      loadKeySet: async () => undefined,
      random: () => 0,
    },
  )
  return { stored, keys, verify: async (at: number) => (await verifier.verify(token, start + at)).sub }
}

const away = () => {
  throw new Error('unreachable')
}

describe('HS256 sessions while the key document cannot be read', () => {
  it('are verified by the last secret for a day, longer than its keys sign', async () => {
    const { stored, keys, verify } = trust()
    expect(await verify(0)).toBe('alice')
    stored.keys = away
    for (const at of [3599, 3700, 86_000]) expect(await verify(at)).toBe('alice')
    await expect(keys(start + 86_000)).rejects.toThrow('unreachable')
    await expect(verify(86_400)).rejects.toThrow('unreachable')
  })

  it('are verified at a cold start where a signing key alone is wrong', async () => {
    const { stored, keys, verify } = trust()
    stored.keys = () => JSON.stringify({ ...keyDocument, keys: [{ ...keyDocument.keys[0], privateKey: 'x' }] })
    expect(await verify(0)).toBe('alice')
    await expect(keys(start)).rejects.toMatchObject({ code: 'ERR_KEYS_INVALID' })
  })

  it('are refused at a cold start, and after the secret is taken out', async () => {
    const cold = trust()
    cold.stored.keys = away
    await expect(cold.verify(0)).rejects.toThrow('unreachable')
    const { stored, verify } = trust()
    expect(await verify(0)).toBe('alice')
    stored.keys = () => JSON.stringify({ ...keyDocument, sessionSecret: 'x'.repeat(32) })
    await expect(verify(4000)).rejects.toMatchObject({ code: 'ERR_SESSION_INVALID' })
  })
})
