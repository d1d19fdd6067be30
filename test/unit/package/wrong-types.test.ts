/** Values of wrong types, as JavaScript callers pass them on from clients and environments: typed errors, no side effect. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as library from '../../../package/server.ts'
import { ecPrivatePem } from '../fixtures/key-pairs.ts'

const folder = mkdtempSync(join(tmpdir(), 'wrong-types-'))
afterAll(() => rmSync(folder, { recursive: true }))

const keys = library.keysFromPem({ keyPairId: 'K1', privateKey: ecPrivatePem })
const files = {
  backend: 'files',
  storagePath: join(folder, 'content'),
  baseUrl: 'https://cdn.example.com',
  linkSecret: 'a-link-secret-for-tests',
  uploadSecret: 'A'.repeat(43),
  keys,
} as const
const s3 = {
  backend: 's3',
  bucket: 'my-assets',
  region: 'eu-west-1',
  publicBaseUrl: 'https://cdn.example.com',
} as const
const assets = await library.openAssets(files)
await assets.save('users/a', Buffer.from('first'))
await assets.save('users/b', Buffer.from('second'))
const signed = await library.signCookies({ keys, url: 'https://cdn.example.com/users/*' })

// biome-ignore lint/suspicious/noExplicitAny: the point is what TypeScript would refuse
const loose = library as any
// biome-ignore lint/suspicious/noExplicitAny: the same
const open = assets as any
const wrongValues = [null, 5, 'false', [], true, Symbol('a'), () => {}]
const shown = (value: unknown) => (Array.isArray(value) ? 'list' : typeof value === 'symbol' ? 'symbol' : String(value))

async function fault(work: () => unknown): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  return undefined
}

/** Calls with a wrong value, and the types that are right there. */
const calls: Readonly<Record<string, readonly [(value: unknown) => unknown, ...string[]]>> = {
  'downloadUrl options': [(value) => open.downloadUrl('users/a', value), 'list'],
  'downloadUrls options': [(value) => open.downloadUrls(['users/a'], value), 'list'],
  'folderUrl options': [(value) => open.folderUrl('users/', value), 'list'],
  'signedCookies options': [(value) => open.signedCookies('users/', value), 'list'],
  'signedCookies ipAddress': [(ipAddress) => open.signedCookies('users/', { ipAddress })],
  'list options': [(value) => open.list('users/', value), 'list'],
  'uploadUrl options': [(value) => open.uploadUrl('users/new', value)],
  'uploadUrl overwrite': [(overwrite) => open.uploadUrl('users/new', { size: 1, overwrite }), 'true'],
  'uploadUrl visibility': [(visibility) => open.uploadUrl('users/new', { size: 1, visibility })],
  'save overwrite': [(overwrite) => open.save('users/a', Buffer.from('x'), { overwrite }), 'true'],
  'save contentType': [(contentType) => open.save('users/a', Buffer.from('x'), { contentType })],
  'copy overwrite': [(overwrite) => open.copy('users/b', 'users/a', { overwrite }), 'true'],
  'move overwrite': [(overwrite) => open.move('users/b', 'users/a', { overwrite }), 'true'],
  confirm: [(value) => open.confirm(value)],
  openAssets: [(value) => loose.openAssets(value)],
  fromEnv: [(value) => loose.fromEnv(value)],
  'fromEnv variable': [(value) => loose.fromEnv({ ASSET_BUCKET: value, AWS_REGION: 'eu-west-1' }), 'false'],
  keysFromPem: [(value) => loose.keysFromPem(value)],
  'keysFromPem keyPairId': [(keyPairId) => loose.keysFromPem({ keyPairId, privateKey: ecPrivatePem }), 'false'],
  'keysFromPem privateKey': [(privateKey) => loose.keysFromPem({ keyPairId: 'K1', privateKey })],
  'keysFromPem hash': [(hash) => loose.keysFromPem({ keyPairId: 'K1', privateKey: ecPrivatePem, hash })],
  keysFromSecret: [(value) => loose.keysFromSecret(value)],
  'keysFromSecret load': [(load) => loose.keysFromSecret({ secretId: 'x', load }), '() => {}'],
  keysFromKms: [(value) => loose.keysFromKms(value)],
  'keysFromKms publicKey': [(publicKey) => loose.keysFromKms({ keyPairId: 'K1', kmsKeyId: 'x', publicKey })],
  signUrl: [(value) => loose.signUrl(value)],
  'signUrl keys': [(value) => loose.signUrl({ keys: value, url: 'https://cdn.example.com/a' })],
  'signUrl ipAddress': [(ipAddress) => loose.signUrl({ keys, url: 'https://cdn.example.com/a', ipAddress })],
  cookieHeaders: [(value) => loose.cookieHeaders(value)],
  'cookieHeaders options': [(value) => loose.cookieHeaders(signed, value), 'list'],
  'cookieHeaders domain': [(domain) => loose.cookieHeaders(signed, { domain }), 'null'],
  'cookieHeaders path': [(path) => loose.cookieHeaders(signed, { path })],
  openSessions: [(value) => loose.openSessions(value)],
  'openSessions secret': [
    (secret) => loose.openSessions({ algorithms: ['HS256'], issuer: 'a', audience: 'b', secret }),
  ],
  ...Object.fromEntries(
    ['storagePath', 'uploadsPath', 'baseUrl', 'linkSecret', 'uploadSecret', 'uploadUrl', 'ttlSeconds', 'keys'].map(
      (field) => [`files ${field}`, [(value: unknown) => loose.openAssets({ ...files, [field]: value })]],
    ),
  ),
  'files keyPrefix': [(keyPrefix) => loose.openAssets({ ...files, keyPrefix }), 'false'],
  'files ttlSeconds': [(ttlSeconds) => loose.openAssets({ ...files, ttlSeconds }), '5'],
  'files onWarning': [(onWarning) => loose.openAssets({ ...files, onWarning }), '() => {}'],
  's3 unsignedUrls': [(unsignedUrls) => loose.openAssets({ ...s3, unsignedUrls }), 'true'],
  's3 fallbackToS3': [(fallbackToS3) => loose.openAssets({ ...s3, fallbackToS3 }), 'true'],
  's3 distributionId': [(distributionId) => loose.openAssets({ ...s3, distributionId })],
  's3 conditionalCopy': [(conditionalCopy) => loose.openAssets({ ...s3, conditionalCopy })],
  's3 s3': [(value) => loose.openAssets({ ...s3, s3: value }), 'list'],
}

describe('wrong types', () => {
  it.each(Object.keys(calls))('are refused by an error with a code: %s', async (name) => {
    const [call, ...right] = calls[name] ?? [() => undefined]
    const refused = wrongValues.filter((value) => !right.includes(shown(value)))
    for (const value of refused) {
      expect(await fault(() => call(value)), shown(value)).toBeInstanceOf(library.EdgeSignerError)
    }
  })

  it('overwrite nothing', async () => {
    for (const overwrite of ['false', 1, {}]) {
      await fault(() => open.save('users/kept', Buffer.from('x'), { overwrite }))
      expect(await assets.exists('users/kept')).toBe(false)
    }
  })

  it('of a secret store that throws at once are an outage without its words', async () => {
    const load = () => {
      throw new Error('token hunter2 refused')
    }
    const error = await fault(() =>
      library.signUrl({ keys: library.keysFromSecret({ secretId: 'x', load }), url: 'https://cdn.example.com/a' }),
    )
    expect(error).toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE', message: expect.not.stringContaining('hunter2') })
  })
})
