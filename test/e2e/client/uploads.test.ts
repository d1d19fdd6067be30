/** Uploads by the browser library in Chromium, to the emulation, whose tickets are tus. */
import { expect, it } from 'vitest'
import { describeInChromium } from '../browser/stage.ts'
import { type ClientGlobals, clientVisitor, openClientPage } from './client-page.ts'

declare const edge: ClientGlobals['edge']
declare const client: ClientGlobals['client']

describeInChromium('uploads of the browser library', { enforcement: 'key-group' }, (stage) => {
  it.each(['hello', ''])('publishes %j, which can be read back', async (text) => {
    const { page } = await clientVisitor(stage)
    const key = `users/alice/up/ä #%+&"' 😀 ${text.length}.txt`
    const seen = await page.evaluate(
      async ([key, text]) => {
        const progress: number[] = []
        const file = new File([text], 'x.txt', { type: 'text/plain' })
        const asset = await edge.upload(client, file, { key, onProgress: (sent) => progress.push(sent) }).done
        const reader = new edge.RangeReader(client, client.url(asset.key))
        return { asset, bytes: [...(await reader.read(0, 100))], left: localStorage.length, last: progress.at(-1) ?? 0 }
      },
      [key, text] as const,
    )
    expect(seen.asset).toMatchObject({ key, size: text.length, contentType: 'text/plain' })
    expect(Buffer.from(seen.bytes).toString()).toBe(text)
    expect([seen.left, seen.last]).toEqual([0, text.length])
  })

  it('pauses, and goes on after a reload from where it was', async () => {
    const visitor = await clientVisitor(stage)
    const { page } = visitor
    const start = (pauseAt: number) =>
      page.evaluate(async (limit) => {
        const file = new File([new Uint8Array(24 * 2 ** 20).fill(7)], 'film.bin', { lastModified: 1_700_000_000_000 })
        let first = -1
        return new Promise<{ first: number; size?: number; error?: string }>((resolve) => {
          const task = edge.upload(client, file, {
            key: 'users/alice/up/film.bin',
            onProgress(sent) {
              if (first < 0) first = sent
              if (limit > 0 && sent >= limit && task.state === 'running') {
                task.pause()
                resolve({ first })
              }
            },
          })
          task.done.then(
            ({ size }) => resolve({ first, size }),
            (error) => resolve({ first, error: error.code }),
          )
        })
      }, pauseAt)
    const devtools = await visitor.context.newCDPSession(page)
    await devtools.send('Network.enable')
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 8 * 2 ** 20 }
    await devtools.send('Network.emulateNetworkConditions', slow)
    expect(await start(4 * 2 ** 20)).toMatchObject({ first: expect.any(Number) })
    expect(await page.evaluate(() => localStorage.length)).toBe(1)
    await devtools.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 })
    await openClientPage(stage, page)
    const posts = visitor.requests.filter((request) => request.url().endsWith('/api/uploads')).length
    const end = await start(0)
    expect(end.size).toBe(24 * 2 ** 20)
    expect(end.first).toBeGreaterThan(0)
    expect(visitor.requests.filter((request) => request.url().endsWith('/api/uploads'))).toHaveLength(posts)
    expect(await page.evaluate(() => localStorage.length)).toBe(0)
  })

  it('leaves nothing after an abort', async () => {
    const visitor = await clientVisitor(stage)
    const seen = await visitor.page.evaluate(async () => {
      const file = new File([new Uint8Array(8 * 2 ** 20)], 'gone.bin')
      const task = edge.upload(client, file, { key: 'users/alice/up/gone.bin' })
      setTimeout(() => task.abort(), 0)
      const end = await task.done.then(
        () => 'done',
        (error: Error) => error.name,
      )
      const reader = new edge.RangeReader(client, client.url('users/alice/up/gone.bin'))
      const code = await reader.read(0, 1).then(
        () => 'read',
        (error) => error.code as string,
      )
      return { end, state: task.state, left: localStorage.length, code }
    })
    expect(seen).toEqual({ end: 'AbortError', state: 'failed', left: 0, code: 'ERR_NOT_FOUND' })
  })

  it('carries the server’s code when it may not write there', async () => {
    const { page } = await clientVisitor(stage)
    const error = await page.evaluate(() =>
      edge.upload(client, new Blob(['x']), { key: 'users/bob/x.txt' }).done.catch(({ code, reason }) => [code, reason]),
    )
    expect(error).toEqual(['ERR_NOT_FOUND', 'ERR_ASSET_NOT_FOUND'])
  })
})
