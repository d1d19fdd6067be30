/** Between the look at what arrived and its publication anything may happen to it. */
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { assetPath, type LocalLocation, prepareLocation } from '../../../../server/store/location.ts'
import { createLocalStore } from '../../../../server/store/store.ts'
import { refuseTicket, takeTicket } from '../../../../server/store/tickets.ts'
import { incomingPath } from '../../../../server/store/upload-end.ts'
import type { AssetStore, IncomingFile } from '../../../../shared/assets/asset-store.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import { uploadOf } from '../../../contract/store-under-test.ts'

const key = parseObjectKey('users/alice/a.txt')
const now = 1_893_456_000

let folder: string
let location: LocalLocation
let store: AssetStore
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edge-signer-incoming-'))
  location = await prepareLocation(join(folder, 'content'))
  store = createLocalStore({ location, uploadUrl: '', ticketSeconds: 600, now: () => now, issueToken: async () => '' })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(id: string, text: string, seconds: number): void {
  writeFileSync(incomingPath(location, id), text)
  utimesSync(incomingPath(location, id), seconds, seconds)
}

async function arrived(text: string): Promise<IncomingFile> {
  const upload = uploadOf(key, Buffer.from(text), { protocol: 'tus' })
  await takeTicket(location, upload, '')
  write(upload.id, text, now)
  const file = await store.incoming(upload.id)
  if (file === undefined) throw new Error('nothing arrived')
  return file
}

it('bytes that were replaced after they were compared are not published', async () => {
  const file = await arrived('aaa')
  write(file.declared.id, 'bbb', now + 1)
  expect(await store.publish(file)).toBeUndefined()
  expect(existsSync(assetPath(location, key))).toBe(false)
})

it('an upload that has ended stays so, whatever is written down of it afterwards', async () => {
  const { declared } = await arrived('aaa')
  await store.end(declared.id, 'published')
  await refuseTicket(location, declared.id, now - 60)
  expect(await store.hasEnded(declared.id)).toBe(true)
})
