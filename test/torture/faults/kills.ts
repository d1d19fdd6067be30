import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, askPatiently, mint, noise, upload } from '../client.ts'
import { type SingleServer, startSingleServer } from '../single-server.ts'
import { type Fault, must } from './fault.ts'

/** SIGKILL of each process of the single server while a client reads, while one uploads, and while an upload is published. */

const roles = ['nginx worker', 'nginx master', 'api', 'lambda', 'uploads', 'main'] as const
const disk = noise('disk', 2 * 2 ** 20)
const sizeOfUpload = 4 * 2 ** 20
const secret = 'only for bob'

/** Shared by these faults: a server must recover from one before the next. */
let shared: Promise<{ readonly server: SingleServer; readonly directory: string }> | undefined

async function open() {
  shared ??= (async () => {
    const directory = mkdtempSync(join(tmpdir(), 'edge-signer-faults-'))
    mkdirSync(join(directory, 'content/users/alice'), { recursive: true })
    mkdirSync(join(directory, 'content/users/bob'), { recursive: true })
    writeFileSync(join(directory, 'content/users/alice/disk.bin'), disk)
    writeFileSync(join(directory, 'content/users/bob/secret.txt'), secret)
    return { directory, server: await startSingleServer({ directory, keep: true }) }
  })()
  return shared
}

/** Stops the server of these faults. */
export async function closeKills(): Promise<void> {
  const open = await shared?.catch(() => undefined)
  await open?.server.stop()
  if (open !== undefined) rmSync(open.directory, { recursive: true, force: true })
  shared = undefined
}

export const killFaults: readonly Fault[] = roles.flatMap((role) =>
  (['mid-read', 'mid-upload', 'mid-publish'] as const).map((moment) => ({
    name: `SIGKILL of ${role}, ${moment}`,
    outcome: 'reads are right or fail, the upload arrives whole, and nobody else gets in',
    // A server that did not recover must not be found guilty of the next fault.
    run: () =>
      killAt(role, moment).catch(async (error: unknown) => {
        await closeKills()
        throw error
      }),
  })),
)

async function killAt(role: (typeof roles)[number], moment: 'mid-read' | 'mid-upload' | 'mid-publish'): Promise<void> {
  const { server } = await open()
  const cookie = await mint(server, 'alice')
  let isKilled = false
  const kill = () => {
    if (isKilled) return
    isKilled = true
    const victims = server.processes().filter((process) => process.role === role)
    must(victims.length > 0, `no process with the role ${role}`)
    for (const { pid } of victims) process.kill(pid, 'SIGKILL')
  }
  let isOver = false
  let reads = 0
  const reading = (async () => {
    for (let turn = 0; !isOver; turn++) {
      const offset = (turn * 65_536) % (disk.length - 65_536)
      const range = { cookie, range: `bytes=${offset}-${offset + 65_535}` }
      const { status, body } = await ask(server, { path: '/users/alice/disk.bin', headers: range })
      must(status === 0 || status === 206 || status >= 500, `a read was answered with ${status}`)
      if (status === 206) {
        must(body.equals(disk.subarray(offset, offset + body.length)), 'a read had other bytes than the file')
        reads += 1
      }
      if (moment === 'mid-read' && turn === 20) kill()
      await delay(5)
    }
  })()
  const intruding = (async () => {
    while (!isOver) {
      for (const headers of [{}, { cookie }]) {
        const { status, body } = await ask(server, { path: '/users/bob/secret.txt', headers })
        must(status !== 200 && status !== 206 && !body.includes(secret), `somebody else got in with ${status}`)
      }
      await delay(20)
    }
  })()
  const key = `users/alice/${role.replace(' ', '-')}-${moment}-${Date.now()}.bin`
  const bytes = noise(key, sizeOfUpload)
  const uploading = upload(server, 'alice', key, bytes, (sent) => {
    if (moment === 'mid-upload' && sent >= sizeOfUpload / 2) kill()
    if (moment === 'mid-publish' && sent >= sizeOfUpload) kill()
  }).finally(async () => {
    while (moment === 'mid-read' && !isKilled) await delay(10)
    isOver = true
  })
  const [confirmed] = await Promise.all([uploading, reading, intruding])
  must(confirmed.status === 200, `the confirmation was answered with ${confirmed.status} ${confirmed.body}`)
  const back = await askPatiently(server, { path: `/${key}`, headers: { cookie } })
  must(back.status === 200 && back.body.equals(bytes), `the upload was read back with ${back.status}`)
  const before = reads
  const again = await askPatiently(server, { path: '/users/alice/disk.bin', headers: { cookie } })
  must(before > 0 && again.status === 200 && again.body.equals(disk), 'reads did not go on')
}
