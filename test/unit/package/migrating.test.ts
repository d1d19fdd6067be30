/** Each row of docs/migrating.md that is code of the library runs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as library from '../../../package/server.ts'
import { ecPrivatePem, rsaPrivatePem } from '../fixtures/key-pairs.ts'

const text = await readFile(new URL('../../../docs/migrating.md', import.meta.url), 'utf8')
const operations = codeOf('## Granite Assets: the library')
const signing = codeOf('## The same with the library')

/** The code in the second column of a section's table. */
function codeOf(heading: string): string[] {
  const section = text.split(`${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^\|.*\| `([^`]+)` \|$/gm)].map(([, code]) => code ?? '')
}

const keyPairId = 'K1'
const keys = library.keysFromPem({ keyPairId, privateKey: ecPrivatePem })
const bytes = Buffer.from('12345')
let folder = ''
let scope: Record<string, unknown> = {}

/** Runs an expression with the names that the page explains. */
function run(code: string): Promise<unknown> {
  const names = Object.keys(scope)
  const AsyncFunction = (async () => {}).constructor as new (
    ...parameters: string[]
  ) => (...given: unknown[]) => unknown
  return new AsyncFunction(...names, `return ${code}`)(...names.map((name) => scope[name])) as Promise<unknown>
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrating-'))
  const files = {
    ASSET_STORAGE_PATH: join(folder, 'content'),
    ASSET_BASE_URL: 'https://cdn.example.com',
    SECURE_LINK_SECRET: 'a-link-secret-for-tests',
    UPLOAD_SECRET: 'A'.repeat(43),
    CF_KEY_ID: keyPairId,
    CF_PRIVATE_KEY: ecPrivatePem,
  }
  const { fromEnv, ...others } = library
  const assets = await library.openAssets({ ...fromEnv(files, { onWarning: () => {} }), onWarning: () => {} })
  const key = 'users/42/a.pdf'
  scope = {
    ...others,
    fromEnv: (of: library.Environment) => fromEnv(of, { onWarning: () => {} }),
    assets,
    env: {
      ASSET_BUCKET: 'my-assets',
      AWS_REGION: 'eu-west-1',
      CDN_DOMAIN: 'cdn.example.com',
      CF_KEY_ID: keyPairId,
      CF_PRIVATE_KEY: ecPrivatePem,
    },
    keys,
    keyPairId,
    key,
    bytes,
    stream: async function* () {
      yield bytes
    },
    privateKey: ecPrivatePem,
    sha1Keys: library.keysFromPem({ keyPairId, privateKey: rsaPrivatePem, hash: 'SHA1' }),
    secretId: 'cdn',
    load: async () => ecPrivatePem,
    soon: Date.now() + 60_000,
    url: 'https://cdn.example.com/users/42/a.pdf',
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('docs/migrating.md', () => {
  it('has the rows of the library', () => {
    expect([operations.length, signing.length]).toEqual([16, 10])
    for (const method of [
      'uploadUrl',
      'publicUrl',
      'downloadUrl',
      'folderUrl',
      'signedCookies',
      'save',
      'copy',
      'move',
    ])
      expect(operations.join('\n')).toContain(`assets.${method}(`)
  })

  it('has rows for assets that run one after the other', async () => {
    await run("assets.save('public/logo.png', bytes)")
    await run('assets.save(key, bytes)')
    for (const code of operations) {
      // An upload is for a key that is free.
      if (code.includes('uploadUrl')) await run('assets.delete(key)')
      expect(await run(code), code).not.toBeUndefined()
      if (code.includes('uploadUrl')) await run('assets.save(key, bytes)')
    }
  })

  it.each(signing)('has a row that signs: %s', async (code) => {
    expect(await run(code)).toBeTruthy()
  })
})
