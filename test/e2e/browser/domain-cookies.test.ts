/** App and CDN under one registrable domain: cookies with `Domain`, over TLS. */
import { expect, it } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { disk } from './content.ts'
import { fetchInPage, loadsAsImage, readRange } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

const hosts = { app: 'app.example.test', cdn: 'cdn.example.test' }
const domain = '.example.test'

describeInChromium(
  'app. and cdn. of one domain',
  { enforcement: 'key-group', cookieDomain: 'example.test', hosts },
  (stage) => {
    it('share the session, and the page reads ranges with cookies of the domain', async () => {
      const visitor = await mintedVisitor(stage)
      const { page, context } = visitor
      expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true)
      const issued = (await context.cookies()).filter(({ path }) => path === '/users/alice/')
      expect(issued.map((cookie) => cookie.name)).toContain('CloudFront-Policy')
      for (const cookie of issued) expect(cookie).toMatchObject({ domain, secure: true, httpOnly: true })
      const answer = await readRange(page, `${stage.cdn}/users/alice/disk.bin`, 4096, 8191)
      expect(answer.status).toBe(206)
      expect(answer.body.equals(disk.subarray(4096, 8192))).toBe(true)
    })

    it('keeps no host-only leftover beside them: which of two cookies counts is not known', async () => {
      const visitor = await visitorWithSession(stage)
      await visitor.context.addCookies(
        ['CloudFront-Policy', 'CloudFront-Signature', 'CloudFront-Key-Pair-Id', 'edge-issued'].map((name) => {
          return { name, value: 'leftover', domain: hosts.cdn, path: '/users/alice/', secure: true, httpOnly: true }
        }),
      )
      const file = `${stage.cdn}/users/alice/disk.bin`
      expect((await visitor.context.cookies(file)).filter(({ value }) => value === 'leftover')).toHaveLength(4)
      await mint(stage, visitor)
      const held = await visitor.context.cookies(file)
      expect(held.filter(({ value }) => value === 'leftover')).toEqual([])
      expect((await readRange(visitor.page, file, 0, 9)).status).toBe(206)
    })

    it('clears them all at sign-out, the session of the app too', async () => {
      const { page, context } = await mintedVisitor(stage)
      expect((await fetchInPage(page, `${stage.cdn}/_edge/session`, { method: 'DELETE' })).status).toBe(204)
      expect(await context.cookies()).toEqual([])
      expect((await readRange(page, `${stage.cdn}/users/alice/disk.bin`, 0, 9)).status).toBe(403)
    })

    it('embeds a file by its URL alone: CORP same-site lets this page have it', async () => {
      const { page } = await mintedVisitor(stage)
      expect(await loadsAsImage(page, `${stage.cdn}/users/alice/pixel.png`)).toBe(true)
    })

    it('gives nothing to a page of another site, neither embedded nor read', async () => {
      const visitor = await mintedVisitor(stage)
      // The same app under a name of another site, whose origin is allowed to ask; the cookies are there, but stay at home.
      const { port } = new URL(stage.app.origin)
      await visitor.page.goto(`https://localhost:${port}/`)
      expect(await loadsAsImage(visitor.page, `${stage.cdn}/public/pixel.png`), 'CORP').toBe(false)
      expect((await readRange(visitor.page, `${stage.cdn}/users/alice/disk.bin`, 0, 9)).status).toBe(403)
      const minted = await fetchInPage(visitor.page, `${stage.cdn}/_edge/session`)
      expect(JSON.parse(minted.body.toString())).toMatchObject({ code: 'ERR_SESSION_MISSING' })
      // Not even to say goodbye: another site must not sign people out.
      const ended = await fetchInPage(visitor.page, `${stage.cdn}/_edge/session`, { method: 'DELETE' })
      expect(ended.status).toBe(403)
      expect((await visitor.context.cookies(`${stage.cdn}/users/alice/`)).length).toBeGreaterThan(3)
    })
  },
)

/** The app signs its user in: a session cookie of the whole domain. */
async function visitorWithSession(stage: BrowserStage): Promise<Visitor> {
  const visitor = await stage.visit()
  await visitor.context.addCookies([
    {
      name: 'session',
      value: stage.session('alice'),
      domain,
      path: '/',
      secure: true,
      httpOnly: true,
      sameSite: 'Lax',
    },
  ])
  await visitor.page.goto(stage.app.origin)
  return visitor
}

async function mintedVisitor(stage: BrowserStage): Promise<Visitor> {
  const visitor = await visitorWithSession(stage)
  await mint(stage, visitor)
  return visitor
}

async function mint(stage: BrowserStage, { page }: Visitor): Promise<void> {
  expect((await fetchInPage(page, `${stage.cdn}/_edge/session`)).status).toBe(200)
}
