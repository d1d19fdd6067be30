import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readKeyDocument, stateFiles } from '../../local/state/state-files.ts'
import { type RunningStage, startStage } from '../../server/start.ts'
import { revocationStateKey } from '../../shared/revocation/state.ts'
import { Browser } from '../support/browser.ts'
import { send } from '../support/http-client.ts'
import { createSessionMaker } from '../support/session-maker.ts'
import { findSmallDisks, mountSmallDisk } from '../support/small-disk.ts'

/** A user who fills the disk of a server does not keep their access by it. */

const file = '/users/alice/notes.txt'
const part = await findSmallDisks('ext4')
const missing = part.missing()

function clientsOf(emulation: RunningStage, stateDirectory: string) {
  const { sessionSecret: secret = '' } = readKeyDocument(stateFiles(stateDirectory))
  const sessions = createSessionMaker({ secret, issuer: 'edge-signer-local', audience: 'edge-signer' })
  const authorization = `Bearer ${sessions.session('root', { scope: 'edge-signer:admin' })}`
  return {
    revoke: (prefix: string) =>
      send(emulation.url, {
        method: 'POST',
        path: '/api/admin/revocations',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ prefix }),
      }),
    async cookiesOf(sub: string) {
      const browser = new Browser(emulation.url)
      const headers = { authorization: `Bearer ${sessions.session(sub)}` }
      const minted = await send(emulation.url, { path: '/_edge/session', headers })
      for (const line of minted.setCookie) await browser.keep(line)
      return browser
    },
  }
}

describe.skipIf(missing.length > 0)(`a full disk${missing.length > 0 ? ` (needs ${missing.join(', ')})` : ''}`, () => {
  it('does not block revoking, and confirmed revocations hold after a restart', async () => {
    const disk = mountSmallDisk('ext4', 96)
    const content = join(disk.path, 'content')
    const stateDirectory = join(disk.path, 'state')
    for (const user of ['alice', 'bob']) {
      mkdirSync(join(content, 'users', user), { recursive: true })
      writeFileSync(join(content, 'users', user, 'notes.txt'), user)
    }
    const options = { port: 0, content, stateDirectory, enforcement: 'key-group' } as const
    let emulation: RunningStage | undefined
    try {
      emulation = await startStage(options)
      const { port } = new URL(emulation.url)
      const { revoke, cookiesOf } = clientsOf(emulation, stateDirectory)
      const [alice, bob] = [await cookiesOf('alice'), await cookiesOf('bob')]
      disk.fill()
      expect((await alice.send(file)).status).toBe(200)
      for (const prefix of ['/users/alice/', '/users/carol/', '/users/dave/']) {
        expect((await revoke(prefix)).status, prefix).toBe(201)
        disk.fill()
      }
      expect((await alice.send(file)).status).toBe(403)
      expect((await bob.send('/users/bob/notes.txt')).status).toBe(200)
      await emulation.stop()
      disk.clear()
      emulation = await startStage({ ...options, port: Number(port) })
      expect((await alice.send(file)).status).toBe(403)
      expect((await bob.send('/users/bob/notes.txt')).status).toBe(200)
      const state = JSON.parse(readFileSync(join(content, revocationStateKey), 'utf8'))
      expect(state.revocations.map(({ prefix }: { prefix: string }) => prefix)).toEqual([
        '/users/alice/',
        '/users/carol/',
        '/users/dave/',
      ])
    } finally {
      await emulation?.stop()
      disk.unmount()
    }
  })
})
