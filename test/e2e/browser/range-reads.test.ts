/** A page streams a private file from a CDN on another port: cookies, isolation, CORS and CORP have to fit together. */
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { disk } from './content.ts'
import { fetchInPage, readRange } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

describeInChromium('a page on another port of localhost', { enforcement: 'key-group' }, (stage) => {
  it('is cross-origin isolated and reads ranges with the cookies that the edge issued', async () => {
    const { page, context } = await signedInPage(stage)
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true)

    const minted = await fetchInPage(page, `${stage.cdn}/_edge/session`)
    expect(minted.status).toBe(200)
    expect(JSON.parse(minted.body.toString())).toMatchObject({ prefixes: ['/users/alice/'] })
    const cookies = await context.cookies(`${stage.cdn}/users/alice/disk.bin`)
    const issued = cookies.filter(({ name }) => name.startsWith('CloudFront-'))
    expect(issued.map(({ name }) => name).sort()).toEqual([
      'CloudFront-Hash-Algorithm',
      'CloudFront-Key-Pair-Id',
      'CloudFront-Policy',
      'CloudFront-Signature',
    ])
    for (const cookie of issued) {
      expect(cookie).toMatchObject({ path: '/users/alice/', secure: true, httpOnly: true, sameSite: 'Lax' })
    }

    const answer = await readRange(page, `${stage.cdn}/users/alice/disk.bin`, 70_000, 70_999)
    expect(answer.status).toBe(206)
    expect(answer.body.equals(disk.subarray(70_000, 71_000))).toBe(true)
    expect(answer.headers).toMatchObject({
      'content-range': `bytes 70000-70999/${disk.length}`,
      'accept-ranges': 'bytes',
      'content-length': '1000',
    })
    expect(answer.headers.etag).toMatch(/^"/)
  })

  it('puts the bytes of many ranges into shared memory', async () => {
    const { page } = await mintedPage(stage)
    const url = `${stage.cdn}/users/alice/disk.bin`
    const digest = await page.evaluate(
      async ([address, size]) => {
        const shared = new Uint8Array(new SharedArrayBuffer(size))
        const step = size / 16
        const offsets = Array.from({ length: 16 }, (_, i) => i * step)
        await Promise.all(
          offsets.map(async (first) => {
            const headers = { range: `bytes=${first}-${first + step - 1}` }
            const response = await fetch(address, { credentials: 'include', headers })
            shared.set(new Uint8Array(await response.arrayBuffer()), first)
          }),
        )
        const hash = await crypto.subtle.digest('SHA-256', shared.slice())
        return Array.from(new Uint8Array(hash))
      },
      [url, disk.length] as const,
    )
    expect(Buffer.from(digest).toString('hex')).toBe(await sha256(disk))
  })

  it('needs no preflight for a range with a start: the key group would refuse one', async () => {
    const { page } = await mintedPage(stage)
    const devtools = await page.context().newCDPSession(page)
    const preflights: string[] = []
    devtools.on('Network.requestWillBeSent', ({ request }) => {
      if (request.method === 'OPTIONS') preflights.push(request.url)
    })
    await devtools.send('Network.enable')
    const url = `${stage.cdn}/users/alice/disk.bin`
    const open = await fetchInPage(page, url, { headers: { range: `bytes=${disk.length - 10}-` } })
    expect([open.status, open.body.length]).toEqual([206, 10])
    expect((await readRange(page, url, 0, 0)).status).toBe(206)
    expect(preflights).toEqual([])
    // The counter counts, and a range from the end is what the Fetch standard does not call simple.
    expect((await fetchInPage(page, url, { headers: { range: 'bytes=-10' } })).status).toBe(0)
    expect(preflights).toEqual([url])
  })

  it('can tell why it was refused, and gets nothing of another user', async () => {
    const { page } = await mintedPage(stage)
    const foreign = await readRange(page, `${stage.cdn}/users/bob/notes.txt`, 0, 9)
    expect(foreign.status).toBe(403)
    expect(foreign.body.includes('secret')).toBe(false)
    expect((await fetchInPage(page, `${stage.cdn}/users/alice/disk.bin`, { credentials: 'omit' })).status).toBe(403)
    expect((await readRange(page, `${stage.cdn}/users/alice/none.bin`, 0, 9)).status).toBe(404)
  })

  it('learns that there is no session', async () => {
    const { page } = await stage.visit()
    await page.goto(stage.app.origin)
    const answer = await fetchInPage(page, `${stage.cdn}/_edge/session`)
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'ERR_SESSION_MISSING' })
  })
})

async function signedInPage(stage: BrowserStage) {
  const visitor = await stage.visit()
  await stage.signIn(visitor, 'alice')
  await visitor.page.goto(stage.app.origin)
  return visitor
}

async function mintedPage(stage: BrowserStage): Promise<{ page: Page }> {
  const visitor = await signedInPage(stage)
  expect((await fetchInPage(visitor.page, `${stage.cdn}/_edge/session`)).status).toBe(200)
  return visitor
}

async function sha256(bytes: Buffer): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))).toString('hex')
}
