/** The end of a session ends the reads with it: sign-out, another user, time. */
import { expect, it } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { bobSecret, disk, largeSize } from './content.ts'
import { fetchInPage, readRange, readUntilChange } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

describeInChromium('the end of a session', { enforcement: 'key-group' }, (stage) => {
  it('comes with a sign-out from the page', async () => {
    const { page, context } = await mintedVisitor(stage, 'alice')
    expect((await readRange(page, aliceDisk(stage), 0, 9)).status).toBe(206)
    expect((await fetchInPage(page, `${stage.cdn}/_edge/session`, { method: 'DELETE' })).status).toBe(204)
    expect(await context.cookies()).toEqual([])
    expect((await readRange(page, aliceDisk(stage), 0, 9)).status).toBe(403)
    expect((await fetchInPage(page, `${stage.cdn}/_edge/session`)).status).toBe(401)
  })

  it('links to a sign-out that returns to the app', async () => {
    const { page, context } = await mintedVisitor(stage, 'alice')
    const back = encodeURIComponent(`${stage.app.origin}/goodbye`)
    stage.app.setPage('/goodbye', '<title>Goodbye</title>')
    stage.app.setPage('/bar', `<a href="${stage.cdn}/_edge/session/end?return=${back}">Sign out</a>`)
    await page.goto(`${stage.app.origin}/bar`)
    await page.click('a')
    await page.waitForURL(`${stage.app.origin}/goodbye`)
    expect(await context.cookies()).toEqual([])
    expect((await readRange(page, aliceDisk(stage), 0, 9)).status).toBe(403)
  })

  it('does not follow from an image or a prefetch', async () => {
    const { page, context } = await mintedVisitor(stage, 'alice')
    const before = (await context.cookies()).length
    const end = `${stage.cdn}/_edge/session/end?return=/`
    // A page without isolation, as it may embed anything.
    stage.app.setPage('/trap', `<img src="${end}"><link rel="prefetch" href="${end}">`, {
      'cross-origin-embedder-policy': 'unsafe-none',
    })
    const answered = page.waitForResponse(end)
    await page.goto(`${stage.app.origin}/trap`)
    expect((await answered).status()).toBe(403)
    expect(await context.cookies()).toHaveLength(before)
    expect((await readRange(page, aliceDisk(stage), 0, 9)).status).toBe(206)
  })

  it('closes the first user’s files when another signs in', async () => {
    const visitor = await mintedVisitor(stage, 'alice')
    await stage.signIn(visitor, 'bob')
    await mint(stage, visitor)
    const bobs = await readRange(visitor.page, `${stage.cdn}/users/bob/notes.txt`, 0, 99)
    expect([bobs.status, bobs.body.toString()]).toEqual([206, bobSecret])
    expect((await readRange(visitor.page, aliceDisk(stage), 0, 9)).status).toBe(403)
    const paths = (await visitor.context.cookies()).map(({ path }) => path)
    expect([...new Set(paths)].sort()).toEqual(['/', '/_edge/', '/users/bob/'])
  })

  it('stops a stream in its middle, lets a running answer finish, and goes on after a new sign-in', async () => {
    const visitor = await mintedVisitor(stage, 'alice', 6)
    const { page } = visitor
    await openLarge(visitor, `${stage.cdn}/users/alice/large.raw`)
    const end = await readUntilChange(page, aliceDisk(stage), 45_000)
    expect(end).toMatchObject({ status: 403, redirected: false })
    expect(end.reads).toBeGreaterThan(1)
    expect(await readLargeToEnd(visitor)).toBe(largeSize)

    const refused = await fetchInPage(page, `${stage.cdn}/_edge/session`)
    expect(refused.status).toBe(401)
    expect(JSON.parse(refused.body.toString()).code).toMatch(/^ERR_SESSION_(EXPIRED|MISSING)$/)
    await stage.signIn(visitor, 'alice')
    await mint(stage, visitor)
    const again = await readRange(page, aliceDisk(stage), 3000, 3999)
    expect(again.status).toBe(206)
    expect(again.body.equals(disk.subarray(3000, 4000))).toBe(true)
  })
})

const aliceDisk = (stage: BrowserStage) => `${stage.cdn}/users/alice/disk.bin`

async function mintedVisitor(stage: BrowserStage, sub: string, ttl?: number): Promise<Visitor> {
  const visitor = await stage.visit()
  await visitor.page.goto(stage.app.origin)
  await stage.signIn(visitor, sub, ttl)
  await mint(stage, visitor)
  return visitor
}

async function mint(stage: BrowserStage, { page }: Visitor): Promise<void> {
  expect((await fetchInPage(page, `${stage.cdn}/_edge/session`, { method: 'POST' })).status).toBe(200)
}

/** Starts an answer that is too large for every buffer on the way, and leaves it unread but for its first bytes. */
async function openLarge({ page }: Visitor, url: string): Promise<void> {
  const status = await page.evaluate<number>(`(async () => {
    const response = await fetch(${JSON.stringify(url)}, { credentials: 'include' })
    globalThis.large = response.body.getReader()
    globalThis.largeRead = (await large.read()).value.length
    return response.status
  })()`)
  expect(status).toBe(200)
}

function readLargeToEnd({ page }: Visitor): Promise<number> {
  return page.evaluate<number>(`(async () => {
    for (let part = await large.read(); !part.done; part = await large.read()) largeRead += part.value.length
    return largeRead
  })()`)
}
