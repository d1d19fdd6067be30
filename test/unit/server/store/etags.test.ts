/** nginx makes an ETag of a file's size and of the second of its modification: no two states of a key may share one. */
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clearUp } from '../../../../server/store/clear-up.ts'
import { assetPath, type LocalLocation, prepareLocation } from '../../../../server/store/location.ts'
import { createLocalStore } from '../../../../server/store/store.ts'
import { takeTicket } from '../../../../server/store/tickets.ts'
import { incomingPath } from '../../../../server/store/upload-end.ts'
import type { Asset, AssetStore } from '../../../../shared/assets/asset-store.ts'
import { type ObjectKey, parseObjectKey } from '../../../../shared/assets/object-key.ts'
import { publishIncoming } from '../../../../shared/uploads/publish.ts'
import { uploadOf } from '../../../contract/store-under-test.ts'

const key = parseObjectKey('users/alice/a.txt')
const other = parseObjectKey('users/alice/b.txt')
const overwrite = { overwrite: true }

let folder: string
let location: LocalLocation
let store: AssetStore
/** The clock stands still. */
let now = 1_893_456_000
beforeEach(async () => {
  now = 1_893_456_000
  folder = mkdtempSync(join(tmpdir(), 'edge-signer-etags-'))
  location = await prepareLocation(join(folder, 'content'))
  store = createLocalStore({ location, uploadUrl: '', ticketSeconds: 600, now: () => now, issueToken: async () => '' })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const save = (at: ObjectKey, text: string) => store.save(at, Buffer.from(text), 'text/plain', overwrite)

async function upload(text: string): Promise<Asset | undefined> {
  const arrived = uploadOf(key, Buffer.from(text), { protocol: 'tus', overwrite: true })
  await takeTicket(location, arrived, '')
  writeFileSync(incomingPath(location, arrived.id), text)
  const options = { store, cdn: { invalidate: async () => {} }, quotaBytes: null, isRevoked: async () => false }
  return publishIncoming(arrived.id, options, 'confirm')
}

/** Returns the ETag and the time that nginx derives from the file. */
function served(at = key): { etag: string; lastModified: number } {
  const { mtimeMs, size } = statSync(assetPath(location, at))
  const seconds = Math.floor(mtimeMs / 1000)
  return { etag: `"${seconds.toString(16)}-${size.toString(16)}"`, lastModified: seconds }
}

/** All are different, and later ones are later. */
function expectNew(states: readonly { readonly etag: string; readonly lastModified: number }[]): void {
  expect(new Set(states.map(({ etag }) => etag)).size).toBe(states.length)
  for (const [index, { lastModified }] of states.entries()) {
    if (index > 0) expect(lastModified).toBeGreaterThan(states[index - 1]?.lastModified ?? 0)
  }
}

describe('an ETag never repeats at a key, and Last-Modified never goes back', () => {
  it('over three files of one size within one second', async () => {
    const states = []
    for (const text of ['aaa', 'bbb', 'ccc']) {
      const asset = await save(key, text)
      expect(asset).toMatchObject(served())
      states.push(served())
    }
    expectNew(states)
  })

  it('over uploads of one size within one second, each published', async () => {
    const states = []
    for (const text of ['aaa', 'bbb', 'ccc']) {
      expect(await upload(text)).toMatchObject(served())
      states.push(served())
    }
    expectNew(states)
  })

  it('over a deletion, also twice and with the clearing up in between', async () => {
    const states = []
    for (const text of ['aaa', 'bbb', 'ccc']) {
      await save(key, text)
      states.push(served())
      await store.delete(key)
      await store.delete(key)
      await clearUp(location, now)
    }
    expectNew(states)
  })

  it('over copies from files that alternate', async () => {
    const third = parseObjectKey('users/alice/c.txt')
    await save(other, 'bbb')
    await save(third, 'ccc')
    const states = []
    for (const from of [other, third, other, third]) {
      await store.copy(from, key, overwrite)
      states.push(served())
    }
    expectNew(states)
  })

  it('over moves away and back', async () => {
    await save(key, 'aaa')
    const states = [served()]
    for (let round = 0; round < 3; round++) {
      await store.move(key, other, overwrite)
      await store.move(other, key, overwrite)
      states.push(served())
    }
    expectNew(states)
  })

  it('over an older file that is moved to the key of a newer one', async () => {
    await save(other, 'bbb')
    now += 100
    await save(key, 'aaa')
    const before = served()
    await store.move(other, key, overwrite)
    expectNew([before, served()])
  })

  it('over writes at the same instant', async () => {
    const saved = await Promise.all(['aaa', 'bbb', 'ccc', 'ddd'].map((text) => save(key, text)))
    expect(new Set(saved.map(({ etag }) => etag)).size).toBe(4)
    expect(await store.describe(key)).toMatchObject(served())
  })

  it('over a clock that is set back by an hour', async () => {
    await save(key, 'aaa')
    const states = [served()]
    now -= 3600
    await save(key, 'bbb')
    states.push(served())
    await store.delete(key)
    await clearUp(location, now)
    await save(key, 'ccc')
    states.push(served())
    expectNew(states)
  })

  it('over a file that was put there by hand with a time to come', async () => {
    await save(key, 'aaa')
    utimesSync(assetPath(location, key), now + 500, now + 500)
    const before = served()
    await save(key, 'bbb')
    expectNew([before, served()])
  })
})

it('a copy keeps type and checksum of its source, and the source its own', async () => {
  const saved = await save(key, 'aaa')
  const copied = await store.copy(key, other, overwrite)
  expect(copied).toMatchObject({ contentType: 'text/plain', checksum: saved.checksum })
  expect(await store.describe(key)).toEqual(saved)
})

it('what was removed is forgotten when the clock has passed it by a day', async () => {
  await save(key, 'aaa')
  await store.delete(key)
  const remembered = () => statSync(join(location.area.removed, key, '*'), { throwIfNoEntry: false })
  await clearUp(location, now + 86_000)
  expect(remembered()).toBeDefined()
  await clearUp(location, now + 86_500)
  expect(remembered()).toBeUndefined()
  expect(statSync(join(location.area.removed, 'users'), { throwIfNoEntry: false })).toBeUndefined()
})
