/**
 * The single server's process ends at every call to the file system, while it publishes, moves, copies or deletes. The
 * next process clears up. Nothing is published twice, lost, or brought back, and no file loses its type.
 */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { clearUp } from '../../../../server/store/clear-up.ts'
import { prepareLocation } from '../../../../server/store/location.ts'
import { createLocalStore } from '../../../../server/store/store.ts'
import { refuseTicket, takeTicket } from '../../../../server/store/tickets.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import type { Upload } from '../../../../shared/assets/upload.ts'
import { AssetError } from '../../../../shared/errors.ts'
import { confirmUpload, publishIncoming } from '../../../../shared/uploads/publish.ts'
import { uploadOf } from '../../../contract/store-under-test.ts'
import { endedAt, failedAt, fileSteps, interruptedAt } from '../../../support/file-steps.ts'

vi.mock('node:fs/promises', async (importReal) => {
  const { withFileSteps } = await import('../../../support/file-steps.ts')
  return withFileSteps(await importReal<object>())
})

const key = parseObjectKey('users/alice/a.bin')
const other = parseObjectKey('users/alice/b.bin')
const now = 1_893_456_000
/** In memory where the system has that: each step flushes to the disk. */
const root = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A process that serves a folder. */
async function startProcess(folder: string) {
  const location = await prepareLocation(join(folder, 'content'))
  const store = createLocalStore({
    location,
    uploadUrl: '',
    ticketSeconds: 600,
    now: () => now,
    issueToken: async () => '',
  })
  const options = { store, cdn: { invalidate: async () => {} }, quotaBytes: null, isRevoked: async () => false }
  return {
    folder,
    location,
    store,
    publish: (upload: Upload) => publishIncoming(upload.id, options),
    confirm: (upload: Upload) => confirmUpload(upload, now, options),
    async clearUp() {
      for (const id of await clearUp(location, now)) await publishIncoming(id, options).catch(refusal)
    },
  }
}

/** The process after one that ended. Its folder has another name, so that nothing waits for work of the one before. */
async function startNext({ folder }: Process): Promise<Process> {
  renameSync(folder, `${folder}-next`)
  const next = await startProcess(`${folder}-next`)
  // The ten seconds have passed for which a lock is good that nobody renews.
  const { locks } = next.location.area
  const longAgo = Date.now() / 1000 - 11
  for (const name of readdirSync(locks)) utimesSync(join(locks, name), longAgo, longAgo)
  return next
}

type Process = Awaited<ReturnType<typeof startProcess>>

function refusal(error: unknown): string {
  if (error instanceof AssetError) return error.code
  throw error
}

async function arrive({ location }: Process, text: string, changes: Partial<Upload> = {}): Promise<Upload> {
  const declared = { protocol: 'tus', contentType: 'video/mp4', issuedAt: now, expiresAt: now + 600 } as const
  const upload = uploadOf(key, Buffer.from(text), { ...declared, ...changes })
  await takeTicket(location, upload, '')
  const path = join(location.area.incoming, upload.id)
  writeFileSync(path, text)
  utimesSync(path, now, now)
  return upload
}

const textAt = ({ location }: Process, at: string) => {
  const path = join(location.content, at)
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

/** Runs a story at each step of what it interrupts, each in a folder of its own. */
async function atEachStep(story: (step: number, folder: string) => Promise<boolean>): Promise<number> {
  for (let step = 0; ; step++) {
    const folder = mkdtempSync(join(root, 'edge-signer-crash-'))
    try {
      if (!(await story(step, folder))) return step
    } finally {
      fileSteps.on = () => {}
      for (const path of [folder, `${folder}-next`, `${folder}-next-next`])
        rmSync(path, { recursive: true, force: true })
    }
  }
}

const changes: Record<string, (process: Process) => Promise<unknown>> = {
  nothing: async () => {},
  delete: ({ store }) => store.delete(key),
  move: ({ store }) => store.move(key, other, { overwrite: true }).catch(refusal),
  save: ({ store }) => store.save(key, Buffer.from('new'), 'text/plain', { overwrite: true }),
}

describe.each([true, false])('a process that ends while it publishes (overwrite: %s)', (overwrite) => {
  it.each(Object.keys(changes))('then %s: the upload is there once, or gone for good', async (name) => {
    const steps = await atEachStep(async (step, folder) => {
      const first = await startProcess(folder)
      if (overwrite) await first.store.save(key, Buffer.from('old'), 'text/plain', { overwrite: false })
      const upload = await arrive(first, 'uploaded', { overwrite })
      const isReached = await endedAt(step, () => first.publish(upload))
      const wasPublished = textAt(first, key) === 'uploaded'
      const next = await startNext(first)
      await changes[name]?.(next)
      const changed = [textAt(next, key), textAt(next, other)]
      await next.clearUp()
      await next.clearUp()
      const end = [textAt(next, key), textAt(next, other)]
      const story = `${step}: ${JSON.stringify({ wasPublished, changed, end })}`
      if (wasPublished) expect(end, story).toEqual(changed)
      else if (changed[0] === undefined || changed[0] === 'old') expect(end[0], story).toBe('uploaded')
      for (const at of [key, other]) {
        if (textAt(next, at) !== 'uploaded') continue
        expect(await next.store.describe(at), story).toMatchObject({
          contentType: 'video/mp4',
          checksum: upload.checksum,
        })
      }
      if (end[0] === 'uploaded') expect(await next.confirm(upload), story).toMatchObject({ uploadId: upload.id })
      // A non-overwriting upload whose key was taken waits for its end.
      if (end[0] === 'uploaded') expect(readdirSync(next.location.area.incoming), story).toEqual([])
      return isReached
    })
    expect(steps).toBeGreaterThan(20)
  })
})

describe.each(['move', 'copy'] as const)('a process that ends during a %s', (kind) => {
  it.each([true, false])('finishes it when it is asked again (overwrite: %s)', async (overwrite) => {
    const steps = await atEachStep(async (step, folder) => {
      const first = await startProcess(folder)
      const upload = await arrive(first, 'uploaded')
      await first.publish(upload)
      if (overwrite) await first.store.save(other, Buffer.from('old'), 'text/plain', { overwrite: false })
      const isReached = await endedAt(step, () => first.store[kind](key, other, { overwrite }))
      const next = await startNext(first)
      // Whatever is there meanwhile is whole, and of its type.
      for (const at of [key, other]) {
        if (textAt(next, at) !== 'uploaded') continue
        expect(await next.store.describe(at), `${step} ${at}`).toMatchObject({
          contentType: 'video/mp4',
          checksum: upload.checksum,
        })
      }
      const made = await next.store[kind](key, other, { overwrite })
      expect(await next.store[kind](key, other, { overwrite }), String(step)).toEqual(made)
      await next.clearUp()
      expect([textAt(next, key), textAt(next, other)], String(step)).toEqual([
        kind === 'move' ? undefined : 'uploaded',
        'uploaded',
      ])
      expect(await next.store.describe(other), String(step)).toMatchObject({ contentType: 'video/mp4' })
      return isReached
    })
    expect(steps).toBeGreaterThan(20)
  })
})

it('a process that ends while it deletes: asking again deletes, and nothing brings the file back', async () => {
  await atEachStep(async (step, folder) => {
    const first = await startProcess(folder)
    const upload = await arrive(first, 'uploaded')
    await endedAt(await stepOfPublication(), () => first.publish(upload))
    expect(textAt(first, key)).toBe('uploaded')
    expect(readdirSync(first.location.area.incoming)).toEqual([upload.id])
    const second = await startNext(first)
    const isReached = await endedAt(step, () => second.store.delete(key))
    const next = await startNext(second)
    await next.clearUp()
    await next.store.delete(key)
    await next.clearUp()
    expect(textAt(next, key), String(step)).toBeUndefined()
    return isReached
  })
})

/** The first step of publishing at which the asset is there. */
async function stepOfPublication(): Promise<number> {
  published ??= (async () => {
    let found = -1
    await atEachStep(async (step, folder) => {
      const process = await startProcess(folder)
      const upload = await arrive(process, 'uploaded')
      const isReached = await endedAt(step, () => process.publish(upload))
      if (found < 0 && textAt(process, key) === 'uploaded') found = step
      return isReached && found < 0
    })
    return found
  })()
  return published
}
let published: Promise<number> | undefined

it('a confirm finds what the publisher did between any two of its looks at the file system', async () => {
  for (const overwrite of [true, false]) {
    const steps = await atEachStep(async (step, folder) => {
      const process = await startProcess(folder)
      if (overwrite) await process.store.save(key, Buffer.from('old'), 'text/plain', { overwrite: false })
      const upload = await arrive(process, 'uploaded', { overwrite })
      // Not awaited where the confirm holds the key: then the publisher waits for it.
      let publishing: Promise<unknown> = Promise.resolve()
      const other = async () => {
        publishing = process.publish(upload)
        await Promise.race([publishing, new Promise((resolve) => setImmediate(resolve))])
        for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
      }
      let asset: unknown
      const confirm = async () => {
        asset = await process.confirm(upload)
      }
      const isReached = await interruptedAt(step, confirm, other)
      await publishing
      expect(asset, String(step)).toMatchObject({ uploadId: upload.id, size: 8 })
      expect(await process.store.describe(key), String(step)).toMatchObject({ uploadId: upload.id })
      return isReached
    })
    expect(steps).toBeGreaterThan(20)
  }
})

describe('the clearing up', () => {
  it('drops no upload over a fault of the file system', async () => {
    const steps = await atEachStep(async (step, folder) => {
      const process = await startProcess(folder)
      const upload = await arrive(process, 'uploaded')
      const isReached = await failedAt(step, () => clearUp(process.location, now))
      await process.clearUp()
      expect(textAt(process, key), String(step)).toBe('uploaded')
      expect(await process.store.describe(key), String(step)).toMatchObject({ uploadId: upload.id })
      return isReached
    })
    expect(steps).toBeGreaterThan(5)
  })

  it('publishes after a long stop what had arrived in time; what was refused by then goes', async () => {
    await atEachStep(async (_step, folder) => {
      const process = await startProcess(folder)
      const upload = await arrive(process, 'uploaded')
      expect(await clearUp(process.location, upload.expiresAt + 3600)).toEqual([upload.id])
      await refuseTicket(process.location, upload.id, now)
      expect(await clearUp(process.location, upload.expiresAt + 3600)).toEqual([])
      expect(readdirSync(process.location.area.incoming)).toEqual([])
      return false
    })
  })

  it('keeps ETags apart also where a file is removed at the same moment', async () => {
    const day = 86_400
    const steps = await atEachStep(async (step, folder) => {
      let time = now
      const location = await prepareLocation(join(folder, 'content'))
      const issueToken = async () => ''
      const store = createLocalStore({ location, uploadUrl: '', ticketSeconds: 600, now: () => time, issueToken })
      const save = async (text: string) => {
        await store.save(key, Buffer.from(text), 'text/plain', { overwrite: true })
        return statSync(join(location.content, key)).mtimeMs
      }
      await save('aaa')
      await store.delete(key)
      time += 2 * day
      const removed = await save('bbb')
      let removal: Promise<unknown> | undefined
      const isReached = await interruptedAt(
        step,
        () => clearUp(location, time),
        async () => {
          let isWorking = false
          const count = fileSteps.on
          fileSteps.on = () => {
            isWorking = true
          }
          removal = store.delete(key)
          await new Promise(setImmediate)
          // Where it waits for the clearing up, that must go on.
          if (isWorking) await removal
          fileSteps.on = count
        },
      )
      await removal
      await store.delete(key)
      expect(await save('ccc'), String(step)).toBeGreaterThan(removed)
      return isReached
    })
    expect(steps).toBeGreaterThan(5)
  })
})
