/** Uploads by the browser library in Chromium straight to S3: in one request, and in parts with troubles on the way. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutBucketCorsCommand, S3Client } from '@aws-sdk/client-s3'
import { getRequestListener } from '@hono/node-server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createApp } from '../../../functions/api/app.ts'
import { s3ClientDefaults } from '../../../shared/assets/s3/location.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { createTestApi, type TestApi } from '../../support/api.ts'
import { closeChromium, missingChromium, openVisitor } from '../../support/chromium.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { type S3Proxy, startS3Proxy, type Verdict } from '../../support/s3-proxy.ts'
import { type S3Server, startS3Server } from '../../support/s3-server.ts'
import { clientScript } from '../client/client-page.ts'

const MiB = 1024 ** 2

describeOnS3(
  'uploads of the browser library',
  () => {
    let server: S3Server
    let proxy: S3Proxy
    let site: Server
    let origin = ''
    let api: TestApi
    let directory = ''
    let judge: (part: string) => Verdict = () => 'pass'

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'edge-signer-client-upload-'))
      server = await startS3Server()
      proxy = await startS3Proxy(server.endpoint, ({ method, url }) =>
        method === 'PUT' ? judge(new URL(url ?? '', server.endpoint).searchParams.get('partNumber') ?? '') : 'pass',
      )
      site = createServer().listen(0, 'localhost')
      await once(site, 'listening')
      const address = site.address()
      if (address === null || typeof address === 'string') throw new Error('no port')
      origin = `http://localhost:${address.port}`
      const rule = {
        AllowedOrigins: [origin],
        AllowedMethods: ['PUT', 'POST'],
        AllowedHeaders: ['*'],
        ExposeHeaders: ['ETag'],
      }
      const cors = { Bucket: server.bucket, CORSConfiguration: { CORSRules: [rule] } }
      await server.client.send(new PutBucketCorsCommand(cors))
      const { region, credentials } = server
      const client = new S3Client({
        ...s3ClientDefaults,
        endpoint: proxy.endpoint,
        region,
        credentials,
        forcePathStyle: true,
      })
      const location = { client, bucket: server.bucket, keyPrefix: '', conditionalCopy: 'native' as const }
      api = createTestApi(createS3Store({ ...location, ticketSeconds: 600 }), { config: { allowedOrigins: [origin] } })
      const answerApi = getRequestListener(createApp(api.services).fetch)
      const page = `<!doctype html><input type="file"><script>${await clientScript()}
        var client = edge.createEdgeClient()
        async function start(key, pauseAt) {
          const file = document.querySelector('input').files[0]
          let first
          return new Promise((resolve) => {
            const task = edge.upload(client, file, {
              key,
              onProgress(sent) {
                first ??= sent
                if (sent >= pauseAt && task.state === 'running') {
                  task.pause()
                  resolve({ first, sent })
                }
              },
            })
            task.done.then((asset) => resolve({ first, asset }), ({ code, reason }) => resolve({ code, reason }))
          })
        }</script>`
      site.on('request', (request, response) => {
        if (request.url?.startsWith('/api/')) return void answerApi(request, response)
        response.setHeader('content-type', 'text/html')
        response.setHeader('set-cookie', `session=${api.sessions.session('alice')}; Path=/; HttpOnly; SameSite=Lax`)
        response.end(page)
      })
    })
    afterAll(async () => {
      await closeChromium()
      site?.close()
      await proxy?.stop()
      await server?.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    it('publishes a small file by one request', async () => {
      const file = join(directory, 'small.bin')
      await writeFile(file, Buffer.alloc(MiB, 1))
      const { page, close } = await openVisitor()
      await page.goto(origin)
      await page.setInputFiles('input', file)
      const { asset } = await page.evaluate<{ asset: unknown }>(`start('users/alice/small.bin', Infinity)`)
      expect(asset).toMatchObject({ key: 'users/alice/small.bin', size: MiB })
      await close()
    })

    it('sends each part once but for those with trouble, over expired URLs and a reload', async () => {
      const file = join(directory, 'disk.raw')
      await writeFile(file, Buffer.alloc(120 * MiB, 2))
      const seen = new Map<string, number>()
      const troubles = new Map<string, Verdict>([
        ['2', 'fail'],
        ['3', 'cut'],
      ])
      judge = (part) => {
        seen.set(part, (seen.get(part) ?? 0) + 1)
        const trouble = troubles.get(part) ?? 'pass'
        troubles.delete(part)
        return trouble
      }
      const { page, requests, close } = await openVisitor()
      // S3's answer to a signature that has expired, once, to the first try of one part.
      const expired = new Set<string>(['6'])
      await page.route(/partNumber=/, async (route) => {
        const part = new URL(route.request().url()).searchParams.get('partNumber') ?? ''
        if (!expired.delete(part)) return route.continue()
        const headers = { 'access-control-allow-origin': origin, 'content-type': 'application/xml' }
        return route.fulfill({ status: 403, headers, body: '<Error><Code>AccessDenied</Code></Error>' })
      })
      await page.goto(origin)
      await page.setInputFiles('input', file)
      const paused = await page.evaluate<{ sent: number }>(`start('users/alice/disk.raw', ${40 * MiB})`)
      expect(paused.sent).toBeGreaterThanOrEqual(40 * MiB)
      await page.goto(origin)
      await page.setInputFiles('input', file)
      const end = await page.evaluate<{ first: number; asset?: object }>(`start('users/alice/disk.raw', Infinity)`)
      expect(end).toMatchObject({ asset: { key: 'users/alice/disk.raw', size: 120 * MiB } })
      expect(end.first).toBeGreaterThan(0)
      expect(expired.size).toBe(0)
      expect((await api.call('/api/assets/users/alice/disk.raw')).body).toMatchObject({ size: 120 * MiB })
      expect(requests.filter((request) => request.url() === `${origin}/api/uploads`)).toHaveLength(1)
      expect(seen.get('2')).toBeGreaterThanOrEqual(2)
      const sent = [...seen.values()].reduce((sum, times) => sum + times, 0)
      // Two troubles, and at most the four parts in flight at the pause.
      expect(sent).toBeLessThanOrEqual(seen.size + 2 + 4)
      expect(await page.evaluate('localStorage.length')).toBe(0)
      await close()
    }, 120_000)
  },
  missingChromium(),
)
