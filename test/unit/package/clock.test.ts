/** A machine whose clock was never set, or is far ahead: nothing is signed that nobody could use, or that would last for years. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Assets, keysFromPem, openAssets, signCookies, signFolderUrl, signUrl } from '../../../package/server.ts'
import { ecPrivatePem } from '../fixtures/key-pairs.ts'

const keys = keysFromPem({ keyPairId: 'KTEST', privateKey: ecPrivatePem })
const url = 'https://cdn.example.com/users/42/a.pdf'
const folder = 'https://cdn.example.com/users/42/'
const key = 'users/42/a.pdf'
let root = ''
let assets: Assets
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'clock-'))
  assets = await openAssets({
    backend: 'files',
    storagePath: join(root, 'content'),
    baseUrl: 'https://cdn.example.com',
    linkSecret: 'a-secret-of-links-for-tests',
    uploadSecret: 'A'.repeat(43),
    keys,
  })
})
afterAll(() => rm(root, { recursive: true, force: true }))

const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['signUrl', () => signUrl({ keys, url })],
  ['signUrl with an end of its own', () => signUrl({ keys, url, expires: new Date('2035-01-01T00:00:00Z') })],
  ['signFolderUrl', () => signFolderUrl({ keys, url: folder })],
  ['signCookies', () => signCookies({ keys, url: `${folder}*` })],
  ['uploadUrl', () => assets.uploadUrl(key, { size: 1 })],
  ['downloadUrl', () => assets.downloadUrl(key)],
  ['folderUrl', () => assets.folderUrl('users/42/')],
  ['signedCookies', () => assets.signedCookies('users/42/')],
]

describe.each(['1970-01-01T00:01:00Z', '2024-12-31T00:00:00Z', '2038-02-01T00:00:00Z'])('a clock at %s', (time) => {
  it.each(calls)('stops %s', async (_name, call) => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(time) })
    try {
      await expect(call()).rejects.toMatchObject({
        code: 'ERR_CONFIG',
        message: expect.stringContaining('the clock of this machine is off'),
      })
    } finally {
      vi.useRealTimers()
    }
  })
})

it.each(calls)('a clock that is right lets %s work', async (_name, call) => {
  expect(await call()).toBeTruthy()
})
