import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../../local/setup/command.ts'
import { ask, mint, noise, requestTicket, upload } from '../client.ts'
import { type SingleServer, startSingleServer } from '../single-server.ts'
import { type Fault, must } from './fault.ts'

/** A file system that is full or read-only under content and uploads. */

/** Runs with content and uploads on a file system of a few megabytes. */
async function withSmallDisk(
  megabytes: number,
  work: (server: SingleServer, disk: string) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-disk-'))
  const disk = join(directory, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk])
  try {
    mkdirSync(join(disk, 'content/users/alice'), { recursive: true })
    writeFileSync(join(disk, 'content/users/alice/a.txt'), 'of alice')
    const server = await startSingleServer({
      directory,
      content: join(disk, 'content'),
      uploads: join(disk, 'uploads'),
    })
    try {
      await work(server, disk)
    } finally {
      await server.stop()
    }
  } finally {
    execFileSync('umount', [disk])
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Fills the file system to the last block; the function takes the room back. */
function fill(disk: string): () => void {
  const file = join(disk, 'ballast')
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(file, Buffer.alloc(bavail * bsize))
  return () => rmSync(file, { force: true })
}

function missingMount(): string | undefined {
  if (process.getuid?.() !== 0 || findProgram('mount') === undefined) return 'needs root, to mount a small file system'
  const probe = mkdtempSync(join(tmpdir(), 'edge-signer-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe], { stdio: 'ignore' })
    execFileSync('umount', [probe])
    return undefined
  } catch {
    return 'this machine lets nobody mount a file system'
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
}

async function readsGoOn(server: SingleServer, cookie: string): Promise<void> {
  const read = await ask(server, { path: '/users/alice/a.txt', headers: { cookie } })
  must(read.status === 200 && read.body.toString() === 'of alice', `a read was answered with ${read.status}`)
  const foreign = await ask(server, { path: '/users/alice/a.txt' })
  must(foreign.status === 403, `a read without cookies was answered with ${foreign.status}`)
}

export const diskFaults: readonly Fault[] = [
  {
    name: 'disk full, mid-upload',
    outcome: 'the upload is refused with 503, reads go on, and it is completed once there is room',
    missing: missingMount,
    run: () =>
      withSmallDisk(16, async (server, disk) => {
        const cookie = await mint(server, 'alice')
        const bytes = noise('full', 6 * 2 ** 20)
        let makeRoom = () => {}
        const waiting: Promise<void>[] = []
        const confirmed = await upload(server, 'alice', 'users/alice/full.bin', bytes, (sent) => {
          if (sent < 2 * 2 ** 20 || waiting.length > 0) return
          makeRoom = fill(disk)
          waiting.push(readsGoOn(server, cookie))
          setTimeout(() => makeRoom(), 1500)
        })
        await Promise.all(waiting)
        must(confirmed.status === 200, `the confirmation was answered with ${confirmed.status} ${confirmed.body}`)
        const back = await ask(server, { path: '/users/alice/full.bin', headers: { cookie } })
        must(back.status === 200 && back.body.equals(bytes), `the upload was read back with ${back.status}`)
      }),
  },
  {
    name: 'disk full, before an upload',
    outcome: 'a creation is refused with 503 and the ticket stays good',
    missing: missingMount,
    run: () =>
      withSmallDisk(16, async (server, disk) => {
        const ticket = await requestTicket(server, 'alice', { key: 'users/alice/later.bin', size: 5 })
        const creation = {
          method: 'POST',
          path: ticket.path,
          headers: { ...ticket.headers, 'upload-length': '5' },
        }
        const makeRoom = fill(disk)
        const refused = await ask(server, creation)
        must(refused.status === 503, `a creation on a full disk was answered with ${refused.status}`)
        makeRoom()
        const created = await ask(server, creation)
        must(created.status === 201, `the creation with room was answered with ${created.status} ${created.body}`)
      }),
  },
  {
    name: 'disk full, revoking',
    outcome: 'access is revoked',
    missing: missingMount,
    run: () =>
      withSmallDisk(16, async (server, disk) => {
        const cookie = await mint(server, 'alice')
        fill(disk)
        const revoked = await revoke(server, '/users/alice/')
        must(revoked.status === 201, `the revocation was answered with ${revoked.status} ${revoked.body}`)
        const read = await ask(server, { path: '/users/alice/a.txt', headers: { cookie } })
        must(read.status === 403, `a revoked read was answered with ${read.status}`)
      }),
  },
  {
    name: 'read-only content and uploads',
    outcome: 'uploads are refused with 503, reads go on, nobody else gets in',
    missing: missingMount,
    run: () =>
      withSmallDisk(16, async (server, disk) => {
        const cookie = await mint(server, 'alice')
        const ticket = await requestTicket(server, 'alice', { key: 'users/alice/never.bin', size: 5 })
        execFileSync('mount', ['-o', 'remount,ro', disk])
        try {
          const refused = await ask(server, {
            method: 'POST',
            path: ticket.path,
            headers: { ...ticket.headers, 'upload-length': '5' },
          })
          must(refused.status === 503, `a creation was answered with ${refused.status}`)
          await readsGoOn(server, cookie)
        } finally {
          execFileSync('mount', ['-o', 'remount,rw', disk])
        }
      }),
  },
]

/** A revocation by the administrator. */
export function revoke(server: SingleServer, prefix: string) {
  return ask(server, {
    method: 'POST',
    path: '/api/admin/revocations',
    headers: {
      authorization: `Bearer ${server.sessions().session('root', { scope: 'edge-signer:admin' })}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ prefix }),
  })
}
