import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeOnS3 } from '../support/describe-on-s3.ts'
import { type S3Server, startS3Server } from '../support/s3-server.ts'

const command = new URL('../../cli/edge-signer.mjs', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'edge-signer-publish-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** 40 MiB that differ from chunk to chunk, and half a chunk more. */
const file = join(folder, 'disk.img')
const chunkSize = 64 * 1024
const chunkCount = 641
const bytes = Buffer.from(
  Uint32Array.from({ length: (chunkSize * 640 + chunkSize / 2) / 4 }, (_, i) => Math.imul(i, 2654435761)).buffer,
)
writeFileSync(file, bytes)

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [command, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function run(args: readonly string[], env?: NodeJS.ProcessEnv) {
  const child = start(args, env)
  const outputs = Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ])
  const [status] = await once(child, 'exit')
  const [out, err] = await outputs
  return { status, out, err }
}

/** Runs the command and kills it as soon as a third is uploaded. */
async function runKilled(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<void> {
  const child = start(args, env)
  const ended = once(child, 'exit')
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    if (/^Uploading .* (3|4)\d%/.test(line)) child.kill('SIGKILL')
  }
  expect((await ended)[1]).toBe('SIGKILL')
}

describe('a publication that is killed', () => {
  it('goes on with the chunks that are missing, on files', async () => {
    const content = join(folder, 'content')
    mkdirSync(content)
    const args = ['publish', file, 'users/alice/disk', '--content', content, '--chunk-size', '64KiB']
    await runKilled(args)
    const place = join(content, 'users/alice/disk')
    // Nothing refers to what is there.
    expect(readdirSync(place)).toHaveLength(1)
    expect(existsSync(join(place, readdirSync(place)[0] ?? '', 'manifest.json'))).toBe(false)
    const again = await run([...args, '--json'])
    expect(again).toMatchObject({ status: 0, err: '' })
    const { presentChunks, uploadedChunks, version } = JSON.parse(again.out)
    expect(presentChunks).toBeGreaterThan(100)
    expect(presentChunks + uploadedChunks).toBe(chunkCount)
    const chunks = readdirSync(join(place, version, 'chunks')).sort()
    const whole = createHash('sha256')
    for (const name of chunks) whole.update(readFileSync(join(place, version, 'chunks', name)))
    expect(whole.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(await run(['verify', 'users/alice/disk', '--content', content])).toMatchObject({ status: 0 })
  })
})

describeOnS3('publishing to a real S3 server', () => {
  let server: S3Server
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    server = await startS3Server()
    const { endpoint, bucket, region, credentials } = server
    env = {
      ASSET_BUCKET: bucket,
      AWS_REGION: region,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      ASSET_KEY_PREFIX: 'assets',
    }
  })
  afterAll(() => server?.stop())

  it('goes on after kill -9, and verify finds every chunk', async () => {
    const args = ['publish', file, 'public/disk', '--env', '--chunk-size', '64KiB']
    await runKilled(args, env)
    const again = await run([...args, '--json'], env)
    expect(again).toMatchObject({ status: 0, err: '' })
    const { presentChunks, uploadedChunks, version, manifestKey } = JSON.parse(again.out)
    expect(presentChunks).toBeGreaterThan(100)
    expect(presentChunks + uploadedChunks).toBe(chunkCount)
    expect(await run(['verify', 'public/disk', '--env'], env)).toMatchObject({ status: 0 })
    const head = (key: string) =>
      server.client.send(new HeadObjectCommand({ Bucket: server.bucket, Key: `assets/${key}` }))
    const immutable = 'public, max-age=31536000, immutable, no-transform'
    expect(await head(`public/disk/${version}/chunks/00000000.bin`)).toMatchObject({ CacheControl: immutable })
    expect(await head(manifestKey)).toMatchObject({ CacheControl: immutable, ContentType: 'application/json' })
    expect(await head('public/disk/latest.json')).toMatchObject({ CacheControl: 'public, max-age=60, no-transform' })
    const last = await server.client.send(
      new GetObjectCommand({ Bucket: server.bucket, Key: `assets/public/disk/${version}/chunks/00000640.bin` }),
    )
    expect(await last.Body?.transformToByteArray()).toHaveLength(chunkSize / 2)
  })

  it('names a chunk that is missing', async () => {
    const { version } = JSON.parse((await run(['verify', 'public/disk', '--env', '--json'], env)).out)
    rmSync(join(server.content, `assets/public/disk/${version}/chunks/00000007.bin`))
    const broken = await run(['verify', 'public/disk', '--env'], env)
    expect(broken).toMatchObject({ status: 1 })
    expect(broken.err).toContain(`${version}/chunks/00000007.bin: is missing`)
  })
})
