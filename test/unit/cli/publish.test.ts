import { createHash } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createProgress, noProgress, progressLine } from '../../../cli/publish/progress.ts'
import { publishFile } from '../../../cli/publish/publish.ts'
import { openSourceFile } from '../../../cli/publish/source-file.ts'
import { type PublishTarget, parseFolder } from '../../../cli/publish/target.ts'
import { verifyVersion } from '../../../cli/publish/verify.ts'
import { storeSource } from '../../../cli/publish/version-source.ts'
import { openBackend } from '../../../package/asset-backends.ts'
import { parseAssetsConfig } from '../../../package/assets-config.ts'
import type { ObjectKey } from '../../../shared/assets/object-key.ts'
import { readObject } from '../../../shared/assets/s3/describe.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { codeOf } from '../../contract/store-under-test.ts'
import { createMemoryS3 } from '../../support/memory-s3.ts'
import { type Folder, makeFolder, run } from './command-line.ts'

const MiB = 1024 ** 2
/** Bytes that differ from chunk to chunk. */
const noise = (size: number, seed = 1) =>
  Buffer.from(Uint32Array.from({ length: size / 4 }, (_, i) => Math.imul(i + seed, 2654435761)).buffer)

let folder: Folder
let content: string
beforeEach(() => {
  folder = makeFolder()
  content = folder.path('content')
  mkdirSync(content)
})
afterEach(() => folder.remove())

interface Opened {
  readonly target: PublishTarget
  /** Keys in the order in which they were written. */
  readonly written: string[]
  readonly invalidated: string[]
  /** Called before each write. */
  onWrite: (key: ObjectKey) => void | Promise<void>
}

/** A store whose writes are seen. */
function watch(inner: Pick<PublishTarget, 'store' | 'read'>): Opened {
  const opened: Opened = {
    written: [],
    invalidated: [],
    onWrite: () => {},
    target: {
      read: inner.read,
      close: () => {},
      cdn: { invalidate: async (paths) => void opened.invalidated.push(...paths) },
      store: {
        ...inner.store,
        async save(key, ...rest) {
          await opened.onWrite(key)
          const saved = await inner.store.save(key, ...rest)
          opened.written.push(key)
          return saved
        },
      },
    },
  }
  return opened
}

const backends = {
  files: async () => {
    const secret = { baseUrl: 'https://localhost', linkSecret: 'x'.repeat(32) }
    return watch(await openBackend(parseAssetsConfig({ backend: 'files', storagePath: content, ...secret })))
  },
  'S3 in memory': async () => {
    const { client, bucket } = createMemoryS3()
    const location = { client, bucket, keyPrefix: 'assets/', conditionalCopy: 'native' } as const
    const store = createS3Store({ ...location, ticketSeconds: 600 })
    return watch({ store, read: (key) => readObject(location, key) })
  },
}

describe.each(Object.entries(backends))('publishing to %s', (_, open) => {
  const publish = async (opened: Opened, path: string, chunkSize = 4096) => {
    const file = await openSourceFile(path, false)
    const settings = { chunkSize, mimeType: 'application/octet-stream', imageId: undefined }
    try {
      const place = parseFolder('users/alice/disk', opened.target.store)
      return await publishFile(file, { folder: place, ...settings }, opened.target, noProgress)
    } finally {
      await file.close()
    }
  }
  const verify = (opened: Opened) =>
    verifyVersion(
      storeSource(opened.target, parseFolder('/users/alice/disk/', opened.target.store)),
      undefined,
      noProgress,
    )

  it('writes the chunks, then the manifest, then latest.json, and tells the CDN of latest.json', async () => {
    const opened = await open()
    const { manifest } = await publish(opened, folder.write('disk.img', noise(10 * 4096)))
    const names = opened.written.map((key) => key.replace(`${manifest.version}/`, ''))
    expect(names.slice(0, 10).sort()).toEqual(
      Array.from({ length: 10 }, (_, index) => `users/alice/disk/chunks/0000000${index}.bin`),
    )
    expect(names.slice(10)).toEqual(['users/alice/disk/manifest.json', 'users/alice/disk/latest.json'])
    expect(opened.invalidated).toEqual(['/users/alice/disk/latest.json'])
    expect(await verify(opened)).toMatchObject({ faultCount: 0, unhashed: 0 })
  })

  it('goes on after an interruption, and nobody sees a version before it is complete', async () => {
    const opened = await open()
    const path = folder.write('disk.img', noise(20 * 4096))
    opened.onWrite = () => {
      if (opened.written.length >= 7) throw new Error('the process ends here')
    }
    await expect(publish(opened, path)).rejects.toThrow('ends here')
    expect(opened.written.filter((key) => key.endsWith('.json'))).toEqual([])
    const before = opened.written.length
    opened.onWrite = () => {}
    expect(await publish(opened, path)).toMatchObject({ presentChunks: before, uploadedChunks: 20 - before })
    expect(await verify(opened)).toMatchObject({ faultCount: 0 })
    // Once more: nothing is left to do.
    const count = opened.written.length
    expect(await publish(opened, path)).toMatchObject({ presentChunks: 20, uploadedChunks: 0 })
    expect(opened.written.length).toBe(count)
  })

  it('replaces a chunk of an earlier run that has other bytes', async () => {
    const opened = await open()
    const path = folder.write('disk.img', noise(4 * 4096))
    const { manifest } = await publish(opened, path)
    const key = `users/alice/disk/${manifest.version}/chunks/00000002.bin` as ObjectKey
    await opened.target.store.save(key, noise(4096, 99), 'application/octet-stream', { overwrite: true })
    expect(await publish(opened, path)).toMatchObject({ presentChunks: 3, uploadedChunks: 1 })
    expect(await verify(opened)).toMatchObject({ faultCount: 0 })
  })

  it('refuses a file that is written to meanwhile, and nothing refers to what was uploaded', async () => {
    for (const chunk of [3, 19]) {
      const opened = await open()
      const path = folder.write('disk.img', noise(20 * 4096, chunk))
      let writes = 0
      opened.onWrite = () => {
        if (++writes === chunk) {
          const bytes = readFileSync(path)
          bytes.fill(7, 17 * 4096)
          writeFileSync(path, bytes)
        }
      }
      expect(await codeOf(publish(opened, path))).toBe('ERR_FILE_CHANGED')
      expect(opened.written.filter((key) => key.endsWith('.json'))).toEqual([])
    }
  })

  it('refuses a file that is cut, or replaced by one of the same bytes', async () => {
    const changes = [
      (path: string) => writeFileSync(path, noise(4096)),
      (path: string) => {
        const bytes = readFileSync(path)
        rmSync(path)
        writeFileSync(path, bytes)
      },
      (path: string) => utimesSync(path, 1, 1),
    ]
    for (const [seed, change] of changes.entries()) {
      const opened = await open()
      const path = folder.write('disk.img', noise(20 * 4096, seed))
      let writes = 0
      opened.onWrite = () => {
        if (++writes === 5) change(path)
      }
      expect(await codeOf(publish(opened, path))).toBe('ERR_FILE_CHANGED')
    }
  })

  it('keeps earlier versions, and latest.json names the newest', async () => {
    const opened = await open()
    const first = await publish(opened, folder.write('disk.img', noise(3 * 4096)))
    const second = await publish(opened, folder.write('disk.img', noise(3 * 4096, 5)))
    expect(second.manifest.version).not.toBe(first.manifest.version)
    const source = storeSource(opened.target, parseFolder('users/alice/disk', opened.target.store))
    expect((await verifyVersion(source, undefined, noProgress)).manifest.version).toBe(second.manifest.version)
    expect(await verifyVersion(source, first.manifest.version, noProgress)).toMatchObject({ faultCount: 0 })
  })

  it('cuts at every boundary: a sector over a chunk, a chunk, less than one', async () => {
    for (const [size, chunkCount] of [
      [4096 + 512, 2],
      [4096, 1],
      [512, 1],
    ] as const) {
      const opened = await open()
      const { manifest } = await publish(opened, folder.write('disk.img', noise(size)))
      expect(manifest).toMatchObject({ totalSize: size, chunkCount })
      expect(await verify(opened)).toMatchObject({ faultCount: 0 })
    }
  })

  it('names each thing that is wrong', async () => {
    const opened = await open()
    const { manifest } = await publish(opened, folder.write('disk.img', noise(6 * 4096)))
    const { store } = opened.target
    const key = (name: string) => `users/alice/disk/${manifest.version}/chunks/${name}` as ObjectKey
    const save = (name: string, bytes: Buffer) => store.save(key(name), bytes, 'text/plain', { overwrite: true })
    await store.delete(key('00000000.bin'))
    await save('00000001.bin', noise(4092))
    await save('00000002.bin', noise(4100))
    await save('00000003.bin', noise(4096, 77))
    await save('000000004.bin', noise(4096))
    const { version } = manifest
    const { faults, faultCount } = await verify(opened)
    expect(faults).toEqual([
      { name: `${version}/chunks/00000000.bin`, problem: 'is missing' },
      { name: `${version}/chunks/000000004.bin`, problem: 'is no chunk of the manifest' },
      { name: `${version}/chunks/00000001.bin`, problem: 'has 4092 of its 4096 bytes' },
      { name: `${version}/chunks/00000002.bin`, problem: 'has more than its 4096 bytes' },
      { name: `${version}/chunks/00000003.bin`, problem: 'has other bytes than its hash' },
    ])
    expect(faultCount).toBe(5)
  })

  it('finds a manifest that was changed after the publication', async () => {
    const opened = await open()
    const { manifest, manifestKey } = await publish(opened, folder.write('disk.img', noise(2 * 4096)))
    const text = JSON.stringify({
      schema: 'aero.chunked-disk-image.v1',
      ...manifest,
      sha256: undefined,
      mimeType: 'text/html',
    })
    await opened.target.store.save(manifestKey, Buffer.from(text), 'application/json', { overwrite: true })
    expect((await verify(opened)).faults[0]?.problem).toBe('was changed: its version is no hash of it')
  })

  it('tells a manifest that leads out of its folder, is too large or missing', async () => {
    const opened = await open()
    const { store } = opened.target
    expect(await codeOf(verify(opened))).toBe('ERR_MANIFEST')
    for (const version of ['..', 'v1']) {
      const latest = JSON.stringify({ schema: 'aero.chunked-disk-image.latest.v1', version })
      const key = 'users/alice/disk/latest.json' as ObjectKey
      await store.save(key, Buffer.from(latest), 'application/json', { overwrite: true })
      expect(await codeOf(verify(opened))).toBe('ERR_MANIFEST')
    }
    const key = 'users/alice/disk/latest.json' as ObjectKey
    await store.save(key, Buffer.alloc(MiB), 'application/json', { overwrite: true })
    expect(await codeOf(verify(opened))).toBe('ERR_MANIFEST')
  })
})

describe('edge-signer publish', () => {
  const publish = (path: string, ...args: string[]) =>
    run(['publish', path, 'users/alice/disk', '--content', content, ...args])

  it('publishes, and verify says so', async () => {
    const path = folder.write('disk.img', noise(9 * 512))
    const published = await publish(path, '--chunk-size', '1KiB', '--image-id', 'test', '--json')
    expect(published).toMatchObject({ status: 0, err: '' })
    const facts = JSON.parse(published.out)
    expect(facts).toMatchObject({ totalSize: 4608, chunkSize: 1024, chunkCount: 5, uploadedChunks: 5 })
    const chunks = join(content, 'users/alice/disk', facts.version, 'chunks')
    expect(readdirSync(chunks).sort()[4]).toBe('00000004.bin')
    const verified = await run(['verify', '/users/alice/disk/', '--content', content])
    expect(verified).toMatchObject({ status: 0 })
    expect(verified.out).toContain('5 chunks, all as published')
    appendFileSync(join(chunks, '00000004.bin'), 'x')
    const broken = await run(['verify', 'users/alice/disk', '--content', content, '--quiet'])
    expect(broken).toMatchObject({ status: 1 })
    expect(broken.err).toBe(`${facts.version}/chunks/00000004.bin: has more than its 512 bytes\n`)
  })

  it('refuses an empty file, and one that ends within a sector unless it is padded', async () => {
    expect(await publish(folder.write('empty.img', ''))).toMatchObject({ status: 2 })
    const path = folder.write('odd.img', Buffer.concat([noise(1024), Buffer.from('x')]))
    const refused = await publish(path, '--chunk-size', '1024')
    expect(refused).toMatchObject({ status: 2 })
    expect(refused.err).toContain('--pad')
    const padded = JSON.parse((await publish(path, '--chunk-size', '1024', '--pad', '--json')).out)
    expect(padded).toMatchObject({ totalSize: 1536, chunkCount: 2 })
    const last = readFileSync(join(content, 'users/alice/disk', padded.version, 'chunks/00000001.bin'))
    expect(last).toEqual(Buffer.concat([Buffer.from('x')], 512))
  })

  it.each([
    ['a chunk size that is no multiple of 512', ['--chunk-size', '1000']],
    ['a chunk size above 64 MiB', ['--chunk-size', '65MiB']],
    ['a media type with a line feed', ['--content-type', 'text/html\nx']],
    ['a folder that is not there', ['--content', '/nonexistent']],
    ['--env beside --content', ['--env']],
  ])('refuses %s, and writes nothing', async (_, args) => {
    const { status } = await publish(folder.write('disk.img', noise(1024)), ...args)
    expect(status).toBeGreaterThan(0)
    expect(existsSync(join(content, 'users'))).toBe(false)
  })

  it.each(['disk', '../users/alice/disk', 'users//disk', '_state/x/disk', 'users/../bob/disk'])(
    'refuses the prefix %s',
    async (prefix) => {
      const path = folder.write('disk.img', noise(1024))
      expect(await run(['publish', path, prefix, '--content', content])).toMatchObject({ status: 2 })
    },
  )

  it('refuses a folder, and a file that is not there', async () => {
    expect(await publish(content)).toMatchObject({ status: 2 })
    expect(await publish(folder.path('none'))).toMatchObject({ status: 2 })
  })
})

describe('edge-signer verify, over the CDN', () => {
  let server: Server
  let base: string
  let [mints, valid] = [0, '']
  const served = () => join(content, 'users')

  beforeAll(async () => {
    server = createServer((request, response) => {
      const url = request.url ?? ''
      if (url === '/_edge/session') {
        if (request.headers.authorization !== 'Bearer token-of-alice') return response.writeHead(401).end()
        valid = `mint-${++mints}`
        response.setHeader('set-cookie', `CloudFront-Policy=${valid}; Path=/users/; Secure; HttpOnly`)
        return response.writeHead(200).end('{}')
      }
      if (request.headers.cookie !== `CloudFront-Policy=${valid}`) return response.writeHead(403).end()
      // Cookies expire in mid-stream.
      if (url.endsWith('00000002.bin') && mints === 1) valid = ''
      const path = join(served(), url.replace(/^\/users/, ''))
      if (!existsSync(path)) return response.writeHead(404).end()
      if (url.endsWith('gzip.bin')) response.setHeader('content-encoding', 'gzip')
      return response.writeHead(200).end(readFileSync(path))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/users/alice/disk/`
  })
  afterAll(() => server.close())
  beforeEach(async () => {
    ;[mints, valid] = [0, '']
    const path = folder.write('disk.img', noise(8 * 1024))
    await run(['publish', path, 'users/alice/disk', '--content', content, '--chunk-size', '1024'])
  })

  it('mints cookies with a session, and again when they expire', async () => {
    const verified = await run(['verify', base, '--session', '-'], 'token-of-alice\n')
    expect(verified).toMatchObject({ status: 0 })
    expect(mints).toBeGreaterThanOrEqual(2)
  })

  it('reads with a jar or a header, and says what to do where they do not open the prefix', async () => {
    valid = 'from-a-jar'
    mints = 9
    const line = ['#HttpOnly_127.0.0.1', 'FALSE', '/users/', 'TRUE', '0', 'CloudFront-Policy', valid].join('\t')
    expect(await run(['verify', base, '--jar', folder.write('jar', `${line}\n`)])).toMatchObject({ status: 0 })
    expect(await run(['verify', base, '--cookie', `CloudFront-Policy=${valid}`])).toMatchObject({ status: 0 })
    const refused = await run(['verify', base, '--cookie', 'CloudFront-Policy=of-bob'])
    expect(refused).toMatchObject({ status: 1 })
    expect(refused.err).toContain('refuses access')
    expect(refused.err).not.toContain('of-bob')
  })

  it('refuses a session that the CDN refuses, without the token in the output', async () => {
    const refused = await run(['verify', base, '--session', '-'], 'token-of-mallory')
    expect(refused).toMatchObject({ status: 1 })
    expect(refused.err + refused.out).not.toContain('mallory')
  })

  it('refuses credentials for a prefix, a store for a URL, and two credentials', async () => {
    for (const args of [
      ['users/alice/disk', '--cookie', 'a=b', '--content', content],
      [base, '--stage', 'dev'],
      [base, '--cookie', 'a=b', '--session', '-'],
      ['users/alice/disk', '--content', content, '--release', '../bob'],
    ])
      expect(await run(['verify', ...args])).toMatchObject({ status: 2 })
  })
})

describe('the progress bar', () => {
  it('shows share, bytes, rate and the time left', () => {
    expect(progressLine('Uploading', 250e6, 1000e6, 50e6)).toBe(
      'Uploading [######..................]  25%  250 MB of 1.00 GB  50.0 MB/s  0:15 left',
    )
    expect(progressLine('Hashing', 0, 5e12, 0)).toContain('0%  0 B of 5.00 TB')
  })

  it('redraws ten times a second on a terminal, and prints tenths elsewhere', () => {
    let now = 0
    const status: string[] = []
    const err: string[] = []
    const terminal = { out: () => {}, stdin: async () => '', now: () => 0, env: {} }
    const bars = [
      createProgress({ ...terminal, err: () => {}, status: (line) => void status.push(line) }, () => now),
      createProgress({ ...terminal, err: (line) => void err.push(line) }, () => now),
    ]
    for (const bar of bars) {
      now = 0
      bar.begin('Hashing', 1000)
      for (let i = 0; i < 100; i++) {
        now += 10
        bar.add(10)
      }
      bar.end()
    }
    expect(status).toHaveLength(11)
    expect(status.at(-1)).toBe('')
    expect(err).toHaveLength(10)
    expect(err[4]).toBe('Hashing   [############............]  50%  500 B of 1.00 kB  1.00 kB/s  0:01 left\n')
  })
})

it('the version is a hash of everything in the manifest', async () => {
  const path = folder.write('disk.img', noise(1024))
  const versions = await Promise.all(
    [[], ['--image-id', 'a'], ['--content-type', 'image/x-iso'], ['--chunk-size', '512']].map(async (args, index) => {
      const place = ['publish', path, `users/alice/d${index}`, '--content', content, '--json']
      return JSON.parse((await run([...place, ...args])).out).version
    }),
  )
  expect(new Set(versions).size).toBe(4)
  expect(versions[0]).toMatch(/^m-[0-9a-f]{64}$/)
  expect(createHash('sha256').update(readFileSync(path)).digest('hex')).not.toBe(versions[0].slice(2))
})
