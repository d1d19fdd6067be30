/**
 * A backend's library works on the folders of a running single server: two processes change the same keys. A second instance of the
 * modules has none of the first one's memory, as another process has none.
 */
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import type { Upload } from '../../../../shared/assets/upload.ts'
import { uploadOf } from '../../../contract/store-under-test.ts'

const key = parseObjectKey('users/alice/a.bin')
const now = 1_893_456_000

/** A process with a clock of its own: two calls at once seldom see the same second at the turn of one. */
async function startProcess(folder: string, clock: number) {
  vi.resetModules()
  const { prepareLocation } = await import('../../../../server/store/location.ts')
  const { createLocalStore } = await import('../../../../server/store/store.ts')
  const { takeTicket } = await import('../../../../server/store/tickets.ts')
  const { publishIncoming } = await import('../../../../shared/uploads/publish.ts')
  const location = await prepareLocation(join(folder, 'content'))
  const issueToken = async () => ''
  const store = createLocalStore({ location, uploadUrl: '', ticketSeconds: 600, now: () => clock, issueToken })
  const options = { store, cdn: { invalidate: async () => {} }, quotaBytes: null, isRevoked: async () => false }
  return {
    location,
    store,
    publish: (upload: Upload) => publishIncoming(upload.id, options, 'confirm'),
    async arrive(text: string, changes: Partial<Upload>) {
      const times = { issuedAt: now, expiresAt: now + 600 }
      const declared = { protocol: 'tus', contentType: 'video/mp4', ...times } as const
      const upload = uploadOf(key, Buffer.from(text), { ...declared, ...changes })
      await takeTicket(location, upload, '')
      const path = join(location.area.incoming, upload.id)
      writeFileSync(path, text)
      utimesSync(path, now, now)
      return upload
    },
  }
}

type Process = Awaited<ReturnType<typeof startProcess>>

describe('two processes on the same folders', () => {
  const folder = mkdtempSync(join(tmpdir(), 'processes-'))
  let first: Process
  let second: Process
  beforeAll(async () => {
    first = await startProcess(folder, now)
    second = await startProcess(folder, now + 1)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([false, true])('publish an upload once, with its type and its id (overwrite: %s)', async (overwrite) => {
    for (let run = 0; run < 20; run++) {
      const at = parseObjectKey(`users/alice/${overwrite}-${run}.bin`)
      const upload = await first.arrive('0123456789', { key: at, overwrite })
      // By turns, so that each of them comes second at times.
      const both = run % 2 === 0 ? [first, second] : [second, first]
      const published = await Promise.all(both.map((process) => process.publish(upload)))
      const asset = await first.store.describe(at)
      expect(asset).toMatchObject({ size: 10, contentType: 'video/mp4', uploadId: upload.id })
      for (const one of published) expect([asset, undefined]).toContainEqual(one)
      expect(readFileSync(join(first.location.content, at), 'utf8')).toBe('0123456789')
    }
  })

  it('keep one record of what was written last', async () => {
    for (let run = 0; run < 20; run++) {
      const write = { overwrite: true }
      await Promise.all([
        first.store.save(key, Buffer.from('one'), 'text/plain', write),
        second.store.save(key, Buffer.from('other'), 'text/csv', write),
      ])
      const asset = await first.store.describe(key)
      expect(asset?.contentType).toBe(asset?.size === 3 ? 'text/plain' : 'text/csv')
      expect(readdirSync(join(first.location.area.records, key))).toHaveLength(1)
    }
  })

  describe('a lock', () => {
    const at = parseObjectKey('users/alice/locked.bin')
    const lockOf = ({ location }: Process) => {
      const name = createHash('sha256').update(join(location.content, at)).digest('base64url')
      return join(location.area.locks, name)
    }
    const save = (process: Process) =>
      process.store.save(at, Buffer.from('x'), 'text/plain', { overwrite: true }).then(() => 'saved')
    const aWhile = () => setTimeout(50, 'waits')

    it('of another process is waited for', async () => {
      mkdirSync(lockOf(first))
      const saving = save(first)
      expect(await Promise.race([saving, aWhile()])).toBe('waits')
      rmdirSync(lockOf(first))
      expect(await saving).toBe('saved')
    })

    it('that nobody has renewed for ten seconds is taken down, by one process after the other', async () => {
      for (const left of ['', '.stale']) {
        for (const name of [lockOf(first), lockOf(first) + left]) {
          mkdirSync(name, { recursive: true })
          utimesSync(name, Date.now() / 1000 - 11, Date.now() / 1000 - 11)
        }
        expect(await Promise.all([first, second, first, second].map(save))).toEqual(Array(4).fill('saved'))
      }
      expect(readdirSync(first.location.area.locks)).toEqual([])
    })

    it('that was renewed just now is not taken down', async () => {
      mkdirSync(lockOf(first))
      utimesSync(lockOf(first), Date.now() / 1000 - 9, Date.now() / 1000 - 9)
      const saving = save(first)
      expect(await Promise.race([saving, aWhile()])).toBe('waits')
      rmdirSync(lockOf(first))
      expect(await saving).toBe('saved')
    })
  })
})
