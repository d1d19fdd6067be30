/** The browser library in Chromium: sessions and reads, against the emulation in both modes. */
import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { disk } from '../browser/content.ts'
import { type BrowserStage, describeInChromium } from '../browser/stage.ts'
import { type ClientGlobals, clientScript, clientVisitor, openClientPage, requestsTo } from './client-page.ts'

declare const edge: ClientGlobals['edge']
declare const client: ClientGlobals['client']

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

for (const enforcement of ['key-group', 'gate'] as const) {
  describeInChromium(`the browser library, ${enforcement}`, { enforcement }, (stage) => {
    it('reads ranges without a preflight, each chunk once', async () => {
      const visitor = await clientVisitor(stage)
      const devtools = await visitor.context.newCDPSession(visitor.page)
      const preflights: string[] = []
      devtools.on('Network.requestWillBeSent', ({ request }) => {
        if (request.method === 'OPTIONS') preflights.push(request.url)
      })
      await devtools.send('Network.enable')
      const seen = await visitor.page.evaluate(async () => {
        const reader = new edge.RangeReader(client, client.url('users/alice/disk.bin'), { chunkSize: 65_536 })
        const [a, b] = await Promise.all([reader.read(70_000, 1000), reader.read(130_000, 3000)])
        const size = await reader.size()
        return { a: [...a], b: [...b], size, prefixes: client.session?.prefixes }
      })
      expect(Buffer.from(seen.a).equals(disk.subarray(70_000, 71_000))).toBe(true)
      expect(Buffer.from(seen.b).equals(disk.subarray(130_000, 133_000))).toBe(true)
      expect([seen.size, seen.prefixes]).toEqual([disk.length, ['/users/alice/']])
      expect([...requestsTo(visitor, '/disk.bin')].sort()).toEqual(['bytes=131072-196607', 'bytes=65536-131071'])
      expect(preflights).toEqual([])
    })

    it('shares one flight between tabs', async () => {
      const visitor = await clientVisitor(stage)
      const second = await visitor.context.newPage()
      await openClientPage(stage, second)
      // The answer waits until the other tab waits for the lock.
      await visitor.context.route('**/_edge/session', async (route) => {
        const waiting = () => second.evaluate(async () => (await navigator.locks.query()).pending?.length)
        await expect.poll(waiting, { timeout: 20_000 }).toBe(1)
        await route.continue()
      })
      const prefixes = await Promise.all(
        [visitor.page, second].map((page) => page.evaluate(async () => (await client.ensureSession()).prefixes)),
      )
      await visitor.context.unroute('**/_edge/session')
      expect(prefixes).toEqual([['/users/alice/'], ['/users/alice/']])
      expect(requestsTo(visitor, '/_edge/session')).toHaveLength(1)
      await second.evaluate(() => client.signOut())
      await expect.poll(() => visitor.page.evaluate(() => client.session)).toBeUndefined()
    })

    it('works in a worker', async () => {
      const { page } = await clientVisitor(stage)
      const work = `const client = edge.createEdgeClient({ cdn: ${JSON.stringify(stage.cdn)} })
        new edge.RangeReader(client, client.url('users/alice/disk.bin')).read(5000, 500)
          .then((bytes) => postMessage([...bytes]), (error) => postMessage(error.code))`
      const bytes = await page.evaluate(
        (script) =>
          new Promise<unknown>((resolve) => {
            const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })))
            worker.onmessage = ({ data }) => resolve(data)
          }),
        `${await clientScript()}\n${work}`,
      )
      expect(Buffer.from(bytes as number[]).equals(disk.subarray(5000, 5500))).toBe(true)
    })

    it('waits while it is offline and goes on', async () => {
      const { page, context } = await clientVisitor(stage)
      await page.evaluate(() => client.ensureSession())
      await context.setOffline(true)
      await page.evaluate(() => {
        const reader = new edge.RangeReader(client, client.url('users/alice/disk.bin'), { chunkSize: 4096 })
        Object.assign(globalThis, { pending: reader.read(0, 100).then((bytes) => bytes.length) })
      })
      await context.setOffline(false)
      expect(await page.evaluate('pending')).toBe(100)
    })

    it('renews in mid-stream when the cookies have ended', async () => {
      const { page, context } = await clientVisitor(stage)
      const read = (chunk: number) =>
        page.evaluate(async (index) => {
          Object.assign(globalThis, {
            reader:
              Reflect.get(globalThis, 'reader') ??
              new edge.RangeReader(client, client.url('users/alice/disk.bin'), { chunkSize: 65_536 }),
          })
          const reader = Reflect.get(globalThis, 'reader') as InstanceType<typeof edge.RangeReader>
          return reader.read(index * 65_536, 16).then(
            (bytes) => [...bytes],
            (error) => error.code,
          )
        }, chunk)
      expect(await read(0)).toEqual([...disk.subarray(0, 16)])
      await context.clearCookies({ name: /^(CloudFront-|edge-)/ })
      expect(await read(3)).toEqual([...disk.subarray(3 * 65_536, 3 * 65_536 + 16)])
      await context.clearCookies()
      expect(await read(6)).toBe('ERR_SIGNED_OUT')
      await stage.signIn({ context, page } as never, 'alice')
      expect(await read(9)).toEqual([...disk.subarray(9 * 65_536, 9 * 65_536 + 16)])
    })

    it('streams the whole file, and ends when it is aborted', async () => {
      const visitor = await clientVisitor(stage)
      const seen = await visitor.page.evaluate(async () => {
        const reader = new edge.RangeReader(client, client.url('users/alice/disk.bin'))
        const bytes = await new Response(reader.stream()).arrayBuffer()
        const hash = await crypto.subtle.digest('SHA-256', bytes)
        const stop = new AbortController()
        const large = new edge.RangeReader(client, client.url('users/alice/large.raw'))
        const stream = large.stream({ signal: stop.signal }).getReader()
        const first = await stream.read()
        stop.abort()
        const end = await stream.read().then(
          () => 'read',
          (error: Error) => error.name,
        )
        return { hash: [...new Uint8Array(hash)], first: (first.value?.length ?? 0) > 0, end }
      })
      expect(Buffer.from(seen.hash).toString('hex')).toBe(sha256(disk))
      expect([seen.first, seen.end]).toEqual([true, 'AbortError'])
    })

    it('names a changed file, a missing one, one of another user, and reads an empty one', async () => {
      stage.write({ 'users/alice/changing.bin': 'first version of it', 'users/alice/empty.bin': '' })
      const { page } = await clientVisitor(stage)
      const seen = await page.evaluate(async () => {
        const at = (key: string) => new edge.RangeReader(client, client.url(key), { chunkSize: 8 })
        const code = (work: Promise<unknown>) =>
          work.then(
            () => 'resolved',
            (error) => error.code as string,
          )
        const changing = at('users/alice/changing.bin')
        Object.assign(globalThis, { changing, code })
        await changing.read(0, 4)
        const empty = at('users/alice/empty.bin')
        return {
          missing: await code(at('users/alice/none.bin').read(0, 1)),
          foreign: await code(at('users/bob/notes.txt').read(0, 1)),
          empty: [(await empty.read(0, 10)).length, await empty.size()],
        }
      })
      expect(seen).toEqual({ missing: 'ERR_NOT_FOUND', foreign: 'ERR_FORBIDDEN', empty: [0, 0] })
      stage.write({ 'users/alice/changing.bin': 'second version, longer than the first' })
      expect(await page.evaluate('code(changing.read(8, 4))')).toBe('ERR_FILE_CHANGED')
    })

    it('ends with a revocation', async () => {
      const { page } = await clientVisitor(stage)
      await page.evaluate(() => client.ensureSession())
      await revoke(stage)
      const code = () =>
        page.evaluate(() =>
          new edge.RangeReader(client, client.url('users/alice/disk.bin')).read(0, 1).then(
            () => 'read',
            (error) => `${error.code} ${error.reason}`,
          ),
        )
      await expect.poll(code, { timeout: 60_000, interval: 500 }).toBe('ERR_SIGNED_OUT ERR_SESSION_REVOKED')
    })
  })
}

describeInChromium(
  'the browser library, CDN of another site',
  {
    enforcement: 'key-group',
    hosts: { app: 'localhost', cdn: 'cdn.example.test' },
  },
  (stage) => {
    it('says signed out where third-party cookies are blocked', async () => {
      const visitor = await stage.visit({ blockThirdPartyCookies: true })
      await stage.signIn(visitor, 'alice')
      await openClientPage(stage, visitor.page)
      const error = await visitor.page.evaluate(() =>
        client.ensureSession().catch(({ code, reason }) => ({ code, reason })),
      )
      expect(error).toEqual({ code: 'ERR_SIGNED_OUT', reason: 'ERR_SESSION_MISSING' })
    })
  },
)

async function revoke(stage: BrowserStage): Promise<void> {
  const token = stage.session('root', { scope: 'edge-signer:admin' })
  const response = await fetch(`${stage.cdn}/api/admin/revocations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prefix: '/users/alice/' }),
  })
  expect(response.status).toBe(201)
}
