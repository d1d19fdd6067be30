import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { saveStreamToFile } from '../../../../server/store/files.ts'
import { prepareLocation } from '../../../../server/store/location.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'

const folder = mkdtempSync(join(tmpdir(), 'files-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('a stream that fails before its first byte leaves no draft', async () => {
  const location = await prepareLocation(join(folder, 'content'))
  const failing: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('the socket was closed')) }),
  }
  const options = { overwrite: false, now: 1_893_456_000 }
  const key = parseObjectKey('users/alice/a.bin')
  for (let run = 0; run < 20; run++) {
    await expect(saveStreamToFile(location, key, failing, 'text/plain', options)).rejects.toThrow('socket')
  }
  // Files that are still being opened appear now, if any are.
  for (let turn = 0; turn < 100; turn++) await setImmediate()
  expect(readdirSync(location.area.drafts)).toEqual([])
})
