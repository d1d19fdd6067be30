/**
 * 300 MB through real Uppy in a real browser, with one part that fails and one whose connection is cut; then read back as any
 * visitor reads: in ranges, with cookies that the session function minted, checked by the edge.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PutBucketCorsCommand, S3Client } from '@aws-sdk/client-s3'
import { getRequestListener } from '@hono/node-server'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import config from '../../../edge-signer.config.ts'
import { createApp } from '../../../functions/api/app.ts'
import { readKeyDocument } from '../../../local/state/state-files.ts'
import { type RunningStage, startStage } from '../../../server/start.ts'
import { s3ClientDefaults } from '../../../shared/assets/s3/location.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import { createTestApi, type TestApi } from '../../support/api.ts'
import { Browser } from '../../support/browser.ts'
import { closeChromium, missingChromium, openVisitor } from '../../support/chromium.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { send } from '../../support/http-client.ts'
import { missingParts } from '../../support/parts.ts'
import { type S3Proxy, startS3Proxy, type Verdict } from '../../support/s3-proxy.ts'
import { type S3Server, startS3Server } from '../../support/s3-server.ts'
import type { UploadReport } from './page/uppy-page.ts'

const MiB = 1024 ** 2
const size = 300 * MiB

describeOnS3('Uppy in Chromium', () => {
  let server: S3Server
  let proxy: S3Proxy
  let edge: RunningStage
  let site: Server
  let origin: string
  let api: TestApi
  let judge: (url: URL) => Verdict = () => 'pass'
  let stateDirectory: string

  beforeAll(async () => {
    stateDirectory = mkdtempSync(join(tmpdir(), 'edge-signer-uppy-'))
    server = await startS3Server()
    // The server's folder is the bucket's root, so the edge serves what was uploaded.
    edge = await startStage({ port: 0, content: server.content, stateDirectory })
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
    api = createTestApi(createS3Store({ ...location, ticketSeconds: 600 }), {
      config: { allowedOrigins: [origin] },
      cdn: { origin: edge.url, ...trustOf(edge) },
    })
    await servePage()
  })
  afterAll(async () => {
    await closeChromium()
    site?.close()
    await proxy?.stop()
    await edge?.stop()
    await server?.stop()
    rmSync(stateDirectory, { recursive: true, force: true })
  })

  /** Sets the CORS rule that `infra/bucket.ts` configures for the deployed bucket. */
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
      response.end('<!doctype html><input type="file"><script type="module" src="/page.js"></script>')
    })
  }

  /** Picks a file of this size from the disk. Chromium keeps no more than 500 MB of a page's own data in memory. */
  async function upload(name: string, bytes: number): Promise<UploadReport> {
    const file = join(stateDirectory, name)
    await writeFile(file, pieces(bytes))
    const { page, close } = await openVisitor()
    try {
      await page.goto(origin)
      await page.waitForFunction('globalThis.uploadFile !== undefined')
      await page.setInputFiles('input', file)
      return await page.evaluate('globalThis.uploadFile()')
    } finally {
      await close()
    }
  }

  /** A browser with the cookies that the edge mints for this user's app session. */
  async function signIn(user: string): Promise<Browser> {
    const browser = new Browser(edge.url)
    await browser.keep(`session=${api.sessions.session(user)}; Path=/; HttpOnly; SameSite=Lax`)
    const minted = await browser.send('/_edge/session')
    expect([minted.status, JSON.parse(minted.text).prefixes]).toEqual([200, [`/users/${user}/`]])
    return browser
  }

  /** SHA-256 of what a signed-in visitor reads, range by range. */
  async function hashAtTheEdge(key: string, bytes: number): Promise<string> {
    const browser = await signIn('alice')
    const hash = createHash('sha256')
    for (let from = 0; from < bytes; from += 8 * MiB) {
      const range = `${from}-${Math.min(from + 8 * MiB, bytes) - 1}`
      const answer = await browser.send({ path: pathOf(key), headers: { range: `bytes=${range}` } })
      expect([answer.status, answer.headers['content-range']]).toEqual([206, `bytes ${range}/${bytes}`])
      hash.update(answer.body)
    }
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
    const described = await api.call(`/api/assets${pathOf(key)}`)
    expect(described.body).toMatchObject({ size, contentType: 'application/x-raw-disk-image' })
    expect(await hashAtTheEdge(key, size)).toBe(patternHash(size))

    // Uppy received a signed URL: it opens this file without a cookie, and its path alone does not.
    const location = report.location ?? ''
    expect(location.startsWith(`${edge.url}${pathOf(key)}?`)).toBe(true)
    const path = location.slice(edge.url.length)
    const headers = { range: 'bytes=0-9' }
    expect((await send(edge.url, { path, headers })).status).toBe(206)
    expect((await send(edge.url, { path: pathOf(key), headers })).status).toBe(403)
    const bob = await signIn('bob')
    expect((await bob.send({ path: pathOf(key), headers })).status).toBe(403)
  }, 180_000)

  it('uploads a small file by POST policy, published when its event comes', async () => {
    judge = () => 'pass'
    const report = await upload('small.raw', MiB)
    expect(report.failed).toEqual([])
    const id = report.key?.split('/').at(-1) ?? ''
    expect(report.key).toBe(`_incoming/${id}`)
    const { publishEvent } = await import('../../../functions/publish/create-handler.ts')
    const event = { detail: { object: { key: report.key ?? '' } } }
    const options = { store: api.services.store, cdn: api.services.cdn, quotaBytes: null, isRevoked: async () => false }
    expect(await publishEvent(event, '', options)).toBe('published')
    expect(await publishEvent(event, '', options)).toBe('nothing-to-do')
    const published = `users/alice/uploads/${id}/small.raw`
    expect((await api.call(`/api/assets/${published}`)).body).toMatchObject({ key: published, size: MiB })
    expect(await hashAtTheEdge(published, MiB)).toBe(patternHash(MiB))
  })
}, [...missingParts(), ...missingChromium()])

/** Values that the API must share with the edge: the signing keys, and the accepted issuer and audience. */
function trustOf(edge: RunningStage) {
  const keys = readKeyDocument(edge.state)
  const { issuer, audience } = parseDeployment(config, 'local').config.session
  if (keys.sessionSecret === undefined || issuer === null || audience === null) {
    throw new Error('the stage local has a session secret, an issuer and an audience')
  }
  return { keys, issuer: { secret: keys.sessionSecret, issuer: String(issuer), audience: String(audience) } }
}

function pathOf(key: string): string {
  return `/${key.split('/').map(encodeURIComponent).join('/')}`
}

/** The bytes of a file: each MiB says which one it is. */
function* pieces(bytes: number): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes; offset += MiB) {
    const words = new Uint32Array(Math.min(MiB, bytes - offset) / 4)
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(offset + i, 2_654_435_761) >>> 0
    yield new Uint8Array(words.buffer)
  }
}

/** SHA-256 of these bytes. */
function patternHash(bytes: number): string {
  const hash = createHash('sha256')
  for (const piece of pieces(bytes)) hash.update(piece)
  return hash.digest('hex')
}
