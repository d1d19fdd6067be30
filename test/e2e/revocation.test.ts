import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { readKeyDocument } from '../../local/state/state-files.ts'
import { type RunningStage, startStage } from '../../server/start.ts'
import { newestUsableKey } from '../../shared/keys/key-document.ts'
import { Browser } from '../support/browser.ts'
import { send } from '../support/http-client.ts'
import { policyFor, urlWithPolicy } from '../support/policy-signer.ts'
import { createSessionMaker } from '../support/session-maker.ts'

/**
 * Revocation as an administrator does it, through every part that runs when deployed: the API's bundle with its Signature
 * Version 4A client, state object and KeyValueStore, the guard or the session function. How long it takes is the figure.
 */
const file = '/users/alice/notes.txt'
/** Tolerance beyond the delay, in seconds. */
const grace = 1

const stages: (() => Promise<void>)[] = []
afterAll(() => Promise.all(stages.map((stop) => stop())))

async function openStage(enforcement: 'key-group' | 'gate', propagationDelay: number) {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-revocation-'))
  const content = join(directory, 'content')
  for (const user of ['alice', 'bob']) {
    mkdirSync(join(content, 'users', user), { recursive: true })
    writeFileSync(join(content, 'users', user, 'notes.txt'), user)
  }
  const emulation = await startStage({
    port: 0,
    content,
    stateDirectory: join(directory, 'state'),
    enforcement,
    propagationDelay,
  })
  stages.push(async () => {
    await emulation.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return { emulation, ...clientsOf(emulation) }
}

function clientsOf(emulation: RunningStage) {
  const document = readKeyDocument(emulation.state)
  const { sessionSecret: secret = '' } = document
  const sessions = createSessionMaker({ secret, issuer: 'edge-signer-local', audience: 'edge-signer' })
  const mint = (token: string) =>
    send(emulation.url, { path: '/_edge/session', headers: { authorization: `Bearer ${token}` } })
  const admin = (method: string, path = '', body?: object) =>
    send(emulation.url, {
      method,
      path: `/api/admin/revocations${path}`,
      headers: {
        authorization: `Bearer ${sessions.session('root', { scope: 'edge-signer:admin' })}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    token: (sub: string) => sessions.session(sub),
    mint,
    admin,
    /** A browser with the cookies of a user and without the app session. */
    async cookiesOf(sub: string) {
      const browser = new Browser(emulation.url)
      for (const line of (await mint(sessions.session(sub))).setCookie) await browser.keep(line)
      return browser
    },
    signedUrl() {
      const { keyPairId, privateKey } = newestUsableKey(document, Math.floor(Date.now() / 1000))
      const pem = privateKey?.export({ type: 'pkcs8', format: 'pem' }).toString() ?? ''
      const resource = `https://${new URL(emulation.url).host}${file}`
      const policy = policyFor({ resource: `${resource}*`, expires: Math.floor(Date.now() / 1000) + 600 })
      const url = new URL(urlWithPolicy({ keyPairId, privateKey: pem, hash: 'SHA256' }, resource, policy))
      return `${url.pathname}${url.search}`
    },
  }
}

/** Seconds from now until an answer has this status; it must keep it from then on. */
async function secondsUntil(status: number, ask: () => Promise<{ status: number }>, limit: number): Promise<number> {
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  while (seconds() < limit) {
    const asked = seconds()
    if ((await ask()).status === status) {
      for (let again = 0; again < 5; again++) expect((await ask()).status).toBe(status)
      return asked
    }
    await delay(50)
  }
  throw new Error(`no ${status} within ${limit} s`)
}

describe.concurrent('a revocation', () => {
  // The session function keeps the state for 30 s, which is its own propagation delay: here the KeyValueStore has the same.
  it.each(['key-group', 'gate'] as const)(
    'closes cookies, signed URLs and minting within 31 s in %s mode, and nothing else',
    async (mode) => {
      const propagationDelay = 30
      const stage = await openStage(mode, propagationDelay)
      const [alice, bob] = [await stage.cookiesOf('alice'), await stage.cookiesOf('bob')]
      const url = stage.signedUrl()
      const token = stage.token('alice')
      expect((await alice.send(file)).status).toBe(200)
      expect((await send(stage.emulation.url, { path: url })).status).toBe(200)

      const answer = await stage.admin('POST', '', { prefix: '/users/alice/', sub: 'alice' })
      expect(answer.status, answer.text).toBe(201)
      // It works by its delay, not because something was broken before.
      expect((await alice.send(file)).status).toBe(200)
      const limit = propagationDelay + 10
      const times = await Promise.all([
        secondsUntil(403, () => alice.send(file), limit),
        secondsUntil(403, () => send(stage.emulation.url, { path: url }), limit),
        secondsUntil(401, () => stage.mint(token), limit),
      ])
      expect(Math.max(...times), `seconds: ${times.map((time) => time.toFixed(1))}`).toBeLessThan(
        propagationDelay + grace,
      )
      expect((await bob.send('/users/bob/notes.txt')).status).toBe(200)
      expect((await stage.mint(stage.token('bob'))).status).toBe(200)
    },
  )

  it('closes and opens with the KeyValueStore', async () => {
    const propagationDelay = 2
    const stage = await openStage('key-group', propagationDelay)
    const alice = await stage.cookiesOf('alice')
    const { text } = await stage.admin('POST', '', { prefix: '/users/alice/' })
    const closed = await secondsUntil(403, () => alice.send(file), propagationDelay + 10)
    expect(closed).toBeLessThan(propagationDelay + grace)
    expect(closed).toBeGreaterThan(propagationDelay - grace)
    const { id } = JSON.parse(text)
    expect(JSON.parse((await stage.admin('GET')).text).revocations).toEqual([JSON.parse(text)])
    expect((await stage.admin('DELETE', `/${id}`)).status).toBe(200)
    expect(await secondsUntil(200, () => alice.send(file), propagationDelay + 10)).toBeLessThan(
      propagationDelay + grace,
    )
  })
})
