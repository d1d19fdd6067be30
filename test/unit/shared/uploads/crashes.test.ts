/**
 * Nothing is published twice, lost, or brought back: publishing, completing, moving, copying and deleting end, or are overtaken, before
 * and after every command that they send to S3; then events come again, twice and beside the sweep.
 */
import { describe, expect, it } from 'vitest'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import type { Upload } from '../../../../shared/assets/upload.ts'
import { AssetError } from '../../../../shared/errors.ts'
import { createUploadWorld, type Failure, type UploadWorld } from '../../../support/upload-world.ts'

const key = parseObjectKey('users/alice/a.txt')
const other = parseObjectKey('users/alice/b.txt')

const failures: readonly Failure[] = ['crash', 'outage']

/** Runs a story at each step of what it interrupts, until it has no further step; with each failure. */
async function atEachStep(story: (step: number, failure: Failure) => Promise<boolean>): Promise<number> {
  let step = 0
  for (const failure of failures) for (step = 0; await story(step, failure); step++);
  return step
}

/** Whatever delivers an upload once more. */
const redeliveries: Record<string, (world: UploadWorld, upload: Upload) => Promise<unknown>> = {
  'event, sweep, event': async (world, upload) => {
    await world.event(upload)
    await world.sweep()
    await world.event(upload)
  },
  'sweep, confirm': async (world, upload) => {
    await world.sweep()
    await world.confirm(upload).catch(refusal)
  },
}

function refusal(error: unknown): string {
  if (error instanceof AssetError) return error.code
  throw error
}

type Change = (world: UploadWorld) => Promise<unknown>

const changes: Record<string, Change> = {
  nothing: async () => {},
  delete: (world) => world.store.delete(key),
  move: (world) => world.store.move(key, other, { overwrite: true }).catch(refusal),
  save: (world) => world.store.save(key, Buffer.from('new'), 'text/plain', { overwrite: true }),
  'copy over it': async (world) => {
    await world.store.save(other, Buffer.from('new'), 'text/plain', { overwrite: true })
    await world.store.copy(other, key, { overwrite: true })
  },
  'another upload': async (world) => world.confirm(await world.arrive(key, 'new', { overwrite: true })),
  'a multipart upload': async (world) => world.complete(await world.begin(key, 'new', { overwrite: true })),
}

const ways: Record<string, (world: UploadWorld, upload: Upload) => Promise<unknown>> = {
  event: (world, upload) => world.event(upload),
  confirm: (world, upload) => world.confirm(upload),
  sweep: (world) => world.sweep(),
}

describe.each(Object.keys(ways))('a crash at each step of publishing by %s', (way) => {
  const publish = ways[way] as (typeof ways)[string]

  describe.each([true, false])('with overwrite: %s', (overwrite) => {
    it.each(Object.keys(changes))(
      'then %s, then every redelivery: each upload is there once, or gone for good',
      async (name) => {
        const change = changes[name] as Change
        for (const [how, redeliver] of Object.entries(redeliveries)) {
          const steps = await atEachStep(async (step, failure) => {
            const world = createUploadWorld()
            if (overwrite) await world.store.save(key, Buffer.from('old'), 'text/plain', { overwrite: false })
            const upload = await world.arrive(key, 'uploaded', { overwrite })
            const isReached = await world.at(step, () => publish(world, upload), failure)
            const wasPublished = world.textAt(key) === 'uploaded'
            // A second later: what is written from here on is newer than the upload.
            world.s3.now = () => 1_800_000_001_000
            const code = await change(world).catch(refusal)
            const changed = { at: world.textAt(key), other: world.textAt(other) }
            await redeliver(world, upload)
            const end = { at: world.textAt(key), other: world.textAt(other) }
            const story = `${step}: ${JSON.stringify({ wasPublished, code, changed, end })}`
            if (wasPublished && name !== 'nothing') expect(end, story).toEqual(changed)
            // Not published before the crash, and not lost where the key is free. No event and no sweep replaces what came later; the
            // client itself may.
            else if (changed.at === 'new' && !(overwrite && how.includes('confirm'))) expect(end.at, story).toBe('new')
            else expect(end.at, story).toBe('uploaded')
            // Whatever is at the key stays: no redelivery changes it once more.
            await world.event(upload)
            await world.sweep()
            if (end.at !== 'new') expect({ at: world.textAt(key), other: world.textAt(other) }, story).toEqual(end)
            return isReached
          })
          expect(steps).toBeGreaterThan(10)
        }
      },
    )
  })

  it('tells the CDN of an overwritten file, also where the crash came before that', async () => {
    await atEachStep(async (step, failure) => {
      const world = createUploadWorld()
      await world.store.save(key, Buffer.from('old'), 'text/plain', { overwrite: false })
      const upload = await world.arrive(key, 'uploaded', { overwrite: true })
      const isReached = await world.at(step, () => publish(world, upload), failure)
      await world.confirm(upload)
      expect(world.invalidated, String(step)).toContain(`/${key}`)
      return isReached
    })
  })
})

it('what is written to the source of a move, at any step of it, is lost at none', async () => {
  let step = 0
  for (let isReached = true; isReached; step++) {
    const world = createUploadWorld()
    await world.store.save(key, Buffer.from('old'), 'text/plain', { overwrite: false })
    const move = () => world.store.move(key, other, { overwrite: false }).catch(refusal)
    isReached = await world.at(step, move, async () => {
      await world.store.save(key, Buffer.from('new'), 'text/plain', { overwrite: true })
    })
    if (isReached) expect([world.textAt(key), world.textAt(other)], String(step)).toContain('new')
  }
  expect(step).toBeGreaterThan(10)
})

it.each(Object.keys(changes))(
  'a crash at each step of completing, then %s: the client’s next try tells the truth',
  async (name) => {
    const change = changes[name] as Change
    const steps = await atEachStep(async (step, failure) => {
      const world = createUploadWorld()
      const upload = await world.begin(key, 'uploaded')
      const isReached = await world.at(step, () => world.complete(upload), failure)
      const wasPublished = world.textAt(key) === 'uploaded'
      const code = await change(world).catch(refusal)
      const changed = world.textAt(key)
      const again = await world.complete(upload).then(() => 'completed', refusal)
      const story = `${step}: ${JSON.stringify({ wasPublished, code, changed, again })}`
      if (changed === undefined && !wasPublished)
        expect([again, world.textAt(key)], story).toEqual(['completed', 'uploaded'])
      else expect(world.textAt(key), story).toBe(changed)
      if (changed === 'uploaded') expect(again, story).toBe('completed')
      return isReached
    })
    expect(steps).toBeGreaterThan(6)
  },
)

describe.each(['move', 'copy'] as const)('a crash at each step of a %s', (kind) => {
  it.each([true, false])('is finished by asking again (overwrite: %s), and again', async (overwrite) => {
    const steps = await atEachStep(async (step, failure) => {
      const world = createUploadWorld()
      // The upload of the source was published, and a crash kept it from ending.
      const upload = await world.arrive(key, 'uploaded')
      await world.at(await stepAfterCopy(), () => world.event(upload), 'crash')
      expect(world.textAt(key)).toBe('uploaded')
      if (overwrite) await world.store.save(other, Buffer.from('old'), 'text/plain', { overwrite: false })
      const transfer = () => world.store[kind](key, other, { overwrite })
      const isReached = await world.at(step, transfer, failure)
      const first = await transfer()
      const second = await transfer()
      expect([first.size, second], String(step)).toEqual([8, first])
      await world.event(upload)
      await world.sweep()
      const end = [world.textAt(key), world.textAt(other)]
      expect(end, String(step)).toEqual([kind === 'move' ? undefined : 'uploaded', 'uploaded'])
      return isReached
    })
    expect(steps).toBeGreaterThan(7)
  })
})

it('a crash at each step of a delete: asking again deletes, and nothing brings the file back', async () => {
  await atEachStep(async (step, failure) => {
    const world = createUploadWorld()
    const upload = await world.arrive(key, 'uploaded')
    await world.at(await stepAfterCopy(), () => world.event(upload), 'crash')
    const isReached = await world.at(step, () => world.store.delete(key), failure)
    await world.event(upload)
    await world.store.delete(key)
    await world.event(upload)
    await world.sweep()
    expect(world.textAt(key), String(step)).toBeUndefined()
    return isReached
  })
})

/** The first step of an event at which the asset is there. */
async function stepAfterCopy(): Promise<number> {
  let found = -1
  await atEachStep(async (step, failure) => {
    const world = createUploadWorld()
    const upload = await world.arrive(key, 'uploaded')
    const isReached = await world.at(step, () => world.event(upload), failure)
    if (found < 0 && world.textAt(key) === 'uploaded') found = step
    return isReached
  })
  return found
}

describe('overtaken at each step', () => {
  const publishers: Record<string, (world: UploadWorld, upload: Upload) => Promise<unknown>> = {
    event: (world, upload) => world.event(upload),
    confirm: (world, upload) => world.confirm(upload),
    sweep: (world) => world.sweep(),
  }

  it.each(Object.keys(publishers))('a confirm finds what the %s published meanwhile', async (name) => {
    for (const overwrite of [true, false]) {
      await atEachStep(async (step) => {
        const world = createUploadWorld(8)
        const upload = await world.arrive(key, 'uploaded', { overwrite })
        let asset: unknown
        const confirm = async () => {
          asset = await world.confirm(upload)
        }
        const isReached = await world.at(step, confirm, async () => void (await publishers[name]?.(world, upload)))
        expect(asset, String(step)).toMatchObject({ key, size: 8, uploadId: upload.id })
        return isReached
      })
    }
  })

  it.each(Object.keys(publishers))(
    'a delete and the %s: a deleted file stays deleted, another is there',
    async (name) => {
      for (const isDeleteFirst of [true, false]) {
        await atEachStep(async (step) => {
          const world = createUploadWorld()
          const upload = await world.arrive(key, 'uploaded', { overwrite: true })
          let wasThere: boolean | undefined
          const publish = async () => void (await publishers[name]?.(world, upload).catch(refusal))
          const remove = async () => {
            wasThere = await world.store.delete(key)
          }
          const isReached = await (isDeleteFirst ? world.at(step, remove, publish) : world.at(step, publish, remove))
          await world.event(upload)
          await world.sweep()
          if (wasThere !== undefined) {
            expect(world.textAt(key), String(step)).toBe(wasThere ? undefined : 'uploaded')
          }
          return isReached
        })
      }
    },
  )

  it('two moves of one file: both succeed, and it is there once', async () => {
    await atEachStep(async (step) => {
      const world = createUploadWorld()
      await world.store.save(key, Buffer.from('moved'), 'text/plain', { overwrite: false })
      const move = async () => void (await world.store.move(key, other, { overwrite: false }))
      const isReached = await world.at(step, move, move)
      expect([world.textAt(key), world.textAt(other)], String(step)).toEqual([undefined, 'moved'])
      return isReached
    })
  })
})

it('a ticket publishes once: bytes that are sent again after a deletion are dropped', async () => {
  const world = createUploadWorld()
  const upload = await world.arrive(key, 'uploaded')
  await world.event(upload)
  await world.store.delete(key)
  const request = await world.store.receive(upload, upload.issuedAt)
  expect(await world.s3.deliver(request, Buffer.from('uploaded'))).toBe(200)
  expect(await world.event(upload)).toBe('nothing-to-do')
  expect(world.textAt(key)).toBeUndefined()
  expect(await world.store.incoming(upload.id)).toBeUndefined()
})

it('an upload that was given up is not published by an event that comes late', async () => {
  await atEachStep(async (step, failure) => {
    const world = createUploadWorld()
    const upload = await world.arrive(key, 'uploaded')
    const isReached = await world.at(step, () => world.store.end(upload.id, 'dropped'), failure)
    await world.store.end(upload.id, 'dropped')
    await world.event(upload)
    expect(world.textAt(key), String(step)).toBeUndefined()
    return isReached
  })
})
