import { cpSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeFile } from '../../../../server/store/files.ts'
import { assetPath, draftPath, type LocalLocation, prepareLocation } from '../../../../server/store/location.ts'
import { placeFile } from '../../../../server/store/place.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'

const key = parseObjectKey('users/alice/a.txt')
const checksum = { algorithm: 'SHA256', value: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=' } as const
const record = { contentType: 'image/webp', checksum, uploadId: 'first' }
const none = { contentType: 'text/plain', checksum: undefined, uploadId: undefined }

/** All of them come in one second. */
const first = { overwrite: false, now: 1_893_456_000 }

let folder: string
let location: LocalLocation
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edge-signer-records-'))
  location = await prepareLocation(join(folder, 'content'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A finished file; all of them are of one tick of the clock. */
function draft(text: string): string {
  const path = draftPath(location)
  writeFileSync(path, text)
  utimesSync(path, 1_893_456_000, 1_893_456_000)
  return path
}

describe('the record of a file', () => {
  it('is that of the same file when it was copied back from a backup', async () => {
    await placeFile(location, draft('first'), key, record, first)
    const file = assetPath(location, key)
    cpSync(file, `${file}.copy`, { preserveTimestamps: true })
    renameSync(`${file}.copy`, file)
    expect(await describeFile(location, key)).toMatchObject(record)
  })

  it('is none of another file that somebody put there', async () => {
    await placeFile(location, draft('first'), key, record, first)
    const file = assetPath(location, key)
    writeFileSync(`${file}.new`, 'other')
    renameSync(`${file}.new`, file)
    expect(await describeFile(location, key)).toMatchObject(none)
  })

  it('is not that of a file of the same size and instant that came too late', async () => {
    await placeFile(location, draft('first'), key, record, first)
    const late = placeFile(location, draft('later'), key, { ...none, uploadId: 'later' }, first)
    await expect(late).rejects.toMatchObject({ code: 'ERR_ASSET_EXISTS' })
    expect(await describeFile(location, key)).toMatchObject(record)
  })
})
