import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp } from '../../../functions/api/app.ts'
import type { AssetStore } from '../../../shared/assets/asset-store.ts'
import { createTestApi } from '../../support/api.ts'
import { makeFolder, now, run } from './command-line.ts'

const folder = makeFolder()
const api = createTestApi({} as AssetStore, {
  now: () => now,
  config: {
    session: {
      cookieName: 'session',
      algorithms: ['HS256'],
      issuer: 'edge-signer-local',
      audience: 'edge-signer',
    },
  },
})
const app = createApp(api.services)
/** Mode that `/dev/stage` reports; `undefined`: the stage does not respond there. */
let enforcement: 'key-group' | 'gate' | undefined
const server = createAdaptorServer({
  fetch: (request) =>
    new URL(request.url).pathname === '/dev/stage' && enforcement !== undefined
      ? Response.json({ process: 1, enforcement })
      : app.fetch(request),
})
let stage: string[]

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  folder.write('secret.json', api.documents.keys ?? '')
  folder.write('key-group.json', '{}')
  stage = ['--url', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, '--state', folder.path('.')]
})
afterAll(() => {
  server.close()
  folder.remove()
})

const alice = { stage: 'local', prefix: '/users/alice/', sub: null, before: '2030-01-01T00:02:00Z' }

describe('edge-signer revoke', () => {
  it('revokes, lists and undoes, through the API of the local stage', async () => {
    const revoked = await run(['revoke', '/users/alice/', '--json', ...stage])
    expect(revoked).toMatchObject({ status: 0, err: '' })
    expect(JSON.parse(revoked.out)).toEqual({ ...alice, expiresAt: expect.any(String) })
    expect([...api.revocations.entries.keys()]).toEqual(['revoked/users/alice/'])
    const text = await run(['revoke', '/teams/red/', '--sub', 'bob', ...stage])
    expect(text.out).toContain('/teams/red/: revoked for the sessions of bob in stage local')

    const listed = JSON.parse((await run(['revocations', '--json', ...stage])).out)
    expect(listed.revocations.map(({ prefix, sub }: { prefix: string; sub: string }) => [prefix, sub])).toEqual([
      ['/users/alice/', null],
      ['/teams/red/', 'bob'],
    ])

    // A revocation for everybody is not the one for bob.
    expect((await run(['revoke', '/teams/red/', '--undo', ...stage])).status).toBe(1)
    expect((await run(['revoke', '/teams/red/', '--undo', '--sub', 'bob', ...stage])).status).toBe(0)
    expect((await run(['revoke', '/users/alice/', '--undo', ...stage])).status).toBe(0)
    const again = await run(['revoke', '/users/alice/', '--undo', ...stage])
    expect(again).toMatchObject({ status: 1, out: '' })
    expect((await run(['revocations', ...stage])).out).toBe('nothing is revoked in stage local\n')
  })

  it.each([
    [undefined, /are refused within seconds/, /within seconds, with new ones within 30 s/],
    ['key-group', /are refused within seconds/, /within seconds, with new ones within 30 s/],
    ['gate', /not made, after 30 s at the latest/, /, within 30 s$/m],
  ] as const)('says how soon it takes effect in a stage with mode %s', async (mode, revoked, restored) => {
    enforcement = mode
    expect((await run(['revoke', '/users/alice/', ...stage])).out).toMatch(revoked)
    expect((await run(['revoke', '/users/alice/', '--undo', ...stage])).out).toMatch(restored)
  })

  it('refuses a prefix that no template grants, and names the templates', async () => {
    for (const prefix of ['/users/', '/users/alice', 'users/alice/', '/users/alice/x/', '/nothing/alice/']) {
      const { status, out, err } = await run(['revoke', prefix, ...stage])
      expect([status, out], prefix).toEqual([2, ''])
      expect(err).toContain('/users/{sub}/*')
    }
    expect(api.revocations.entries.size).toBe(0)
  })

  it('says what to do if no stage runs, or the stage is not configured', async () => {
    const gone = await run(['revocations', '--url', 'http://127.0.0.1:1', '--state', folder.path('.')])
    expect(gone.status).toBe(2)
    expect(gone.err).toContain('npm start')
    expect((await run(['revoke', '/users/alice/', '--stage', 'nope'])).err).toMatch(/dev, prod, local.*ERR_CONFIG/)
  })
})
