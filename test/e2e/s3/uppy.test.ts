/** 300 MB through real Uppy in a real browser, with one part that fails and one whose connection is cut. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import { GetObjectCommand, PutBucketCorsCommand, S3Client } from '@aws-sdk/client-s3'
import { getRequestListener } from '@hono/node-server'
import { build } from 'esbuild'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp } from '../../../functions/api/app.ts'
import { s3ClientDefaults } from '../../../shared/assets/s3/location.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { createTestApi, type TestApi } from '../../support/api.ts'
import { type S3Proxy, startS3Proxy, type Verdict } from '../../support/s3-proxy.ts'
import { type S3Server, startS3Server } from '../../support/s3-server.ts'
import type { UploadReport } from './page/uppy-page.ts'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const MiB = 1024 ** 2
const size = 300 * MiB

describe.skipIf(!existsSync(executablePath) && process.env.REQUIRE_ALL !== '1')('Uppy in Chromium', () => {
  let server: S3Server
  let proxy: S3Proxy
  let site: Server
  let origin: string
  let api: TestApi
  let browser: Browser
  let judge: (url: URL) => Verdict = () => 'pass'

  beforeAll(async () => {
    server = await startS3Server()
    proxy = await startS3Proxy(server.endpoint, (request) =>
      request.method === 'PUT' ? judge(new URL(request.url ?? '', server.endpoint)) : 'pass',
    )
    site = createServer().listen(0, 'localhost')
    await once(site, 'listening')
    const address = site.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    origin = `http://localhost:${address.port}`
    await allowUploadsFrom(origin)
    const { region, credentials } = server
    const endpoint = proxy.endpoint
    const client = new S3Client({ ...s3ClientDefaults, endpoint, region, credentials, forcePathStyle: true })
    const location = { client, bucket: server.bucket, keyPrefix: '', conditionalCopy: 'native' as const }
    api = createTestApi(createS3Store({ ...location, ticketSeconds: 600 }), { cdnOrigin: origin })
    await servePage()
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    site?.close()
    await proxy?.stop()
    await server?.stop()
  })

  /** What `infra/bucket.ts` configures for the deployed bucket. */
  async function allowUploadsFrom(allowed: string): Promise<void> {
    const rule = {
      AllowedOrigins: [allowed],
      AllowedMethods: ['PUT', 'POST'],
      AllowedHeaders: ['*'],
      ExposeHeaders: ['ETag'],
    }
    const cors = { Bucket: server.bucket, CORSConfiguration: { CORSRules: [rule] } }
    await server.client.send(new PutBucketCorsCommand(cors))
  }

  /** The page and the API on one origin, as behind the CDN; the page's visitor is signed in with a cookie. */
  async function servePage(): Promise<void> {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('page/uppy-page.ts', import.meta.url))],
      bundle: true,
      format: 'esm',
      write: false,
      logLevel: 'silent',
    })
    const script = outputFiles[0]?.text ?? ''
    const answerApi = getRequestListener(createApp(api.services).fetch)
    site.on('request', (request, response) => {
      if (request.url?.startsWith('/api/')) return void answerApi(request, response)
      if (request.url === '/page.js') return void response.setHeader('content-type', 'text/javascript').end(script)
      response.setHeader('content-type', 'text/html')
      response.setHeader('set-cookie', `session=${api.sessions.session('alice')}; Path=/; HttpOnly; SameSite=Lax`)
      response.end('<!doctype html><script type="module" src="/page.js"></script>')
    })
  }

  async function upload(name: string, bytes: number): Promise<UploadReport> {
    const page = await browser.newPage()
    try {
      await page.goto(origin)
      await page.waitForFunction('globalThis.uploadFile !== undefined')
      return await page.evaluate(`globalThis.uploadFile(${JSON.stringify(name)}, ${bytes})`)
    } finally {
      await page.close()
    }
  }

  async function storedHash(key: string): Promise<string> {
    const object = await server.client.send(new GetObjectCommand({ Bucket: server.bucket, Key: key }))
    const hash = createHash('sha256')
    for await (const chunk of object.Body as AsyncIterable<Uint8Array>) hash.update(chunk)
    return hash.digest('hex')
  }

  it('uploads 300 MB although one part fails and another is cut off', async () => {
    const troubles = new Map<string, Verdict>([
      ['7', 'fail'],
      ['20', 'cut'],
    ])
    const seen = new Map<string, number>()
    judge = (url) => {
      const part = url.searchParams.get('partNumber') ?? ''
      seen.set(part, (seen.get(part) ?? 0) + 1)
      const trouble = troubles.get(part) ?? 'pass'
      troubles.delete(part)
      return trouble
    }
    const report = await upload('disk image.raw', size)
    expect(report).toMatchObject({ failed: [], parts: 60 })
    expect([seen.get('7'), seen.get('20'), seen.get('8')]).toEqual([2, 2, 1])
    expect(report.key).toMatch(/^users\/alice\/uploads\/[\w-]{22}\/disk image\.raw$/)
    const key = report.key ?? ''
    const described = await api.call(`/api/assets/${key.split('/').map(encodeURIComponent).join('/')}`)
    expect(described.body).toMatchObject({ size, contentType: 'application/x-raw-disk-image' })
    expect(await storedHash(key)).toBe(patternHash(size))
    expect(report.location).toContain('/users/alice/uploads/')
  }, 180_000)

  it('uploads a small file by POST policy, published when its event comes', async () => {
    judge = () => 'pass'
    const report = await upload('small.raw', MiB)
    expect(report.failed).toEqual([])
    const id = report.key?.split('/').at(-1) ?? ''
    expect(report.key).toBe(`_incoming/${id}`)
    const { publishEvent } = await import('../../../functions/publish/publish-event.ts')
    const event = { detail: { object: { key: report.key ?? '' } } }
    const options = { store: api.services.store, cdn: api.services.cdn, quotaBytes: null }
    expect(await publishEvent(event, '', options)).toBe('published')
    expect(await publishEvent(event, '', options)).toBe('nothing-to-do')
    const published = `users/alice/uploads/${id}/small.raw`
    expect((await api.call(`/api/assets/${published}`)).body).toMatchObject({ key: published, size: MiB })
    expect(await storedHash(published)).toBe(patternHash(MiB))
  })
})

/** The hash of what the page's `pattern` makes. */
function patternHash(bytes: number): string {
  const hash = createHash('sha256')
  for (let offset = 0; offset < bytes; offset += MiB) {
    const words = new Uint32Array(Math.min(MiB, bytes - offset) / 4)
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(offset + i, 2_654_435_761) >>> 0
    hash.update(new Uint8Array(words.buffer))
  }
  return hash.digest('hex')
}
