/** Pages of other sites: with cookies of `SameSite=None`, and with signed URLs that every origin may read. */
import { expect, it } from 'vitest'
import { keysFromDocument, signUrl } from '../../../package/server.ts'
import { serializeKeyDocument } from '../../../shared/keys/key-document.ts'
import type { Visitor } from '../../support/chromium.ts'
import { disk } from './content.ts'
import { fetchInPage, loadsAsImage, readRange } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

const hosts = { app: 'app.example.test', cdn: 'localhost' }

for (const enforcement of ['key-group', 'gate'] as const) {
  describeInChromium(
    `an app of another site with cookies.sameSite none, ${enforcement}`,
    { enforcement, bootstrap: 'none', cookieSameSite: 'none', hosts },
    (stage) => {
      it('mints, reads ranges with the cookies, and signs out', async () => {
        const { page, context } = await visitorWithSession(stage)
        const file = `${stage.cdn}/users/alice/disk.bin`
        if (enforcement === 'key-group') {
          expect((await fetchInPage(page, `${stage.cdn}/_edge/session`)).status).toBe(200)
        }
        const read = await readRange(page, file, 4096, 8191)
        expect([read.status, read.redirected]).toEqual([206, enforcement === 'gate'])
        expect(read.body.equals(disk.subarray(4096, 8192))).toBe(true)
        expect(await readRange(page, file, 0, 9)).toMatchObject({ status: 206, redirected: false })
        const own = (await context.cookies(file)).filter(({ name }) => name !== 'session')
        expect(own.length).toBeGreaterThan(3)
        for (const cookie of own) expect(cookie).toMatchObject({ sameSite: 'None', secure: true, httpOnly: true })

        const ended = await fetchInPage(page, `${stage.cdn}/_edge/session`, { method: 'DELETE' })
        expect(ended.status).toBe(204)
        expect((await context.cookies(file)).map(({ name }) => name)).not.toContain('CloudFront-Signature')
        expect((await readRange(page, file, 0, 9)).status).toBeGreaterThanOrEqual(401)
      })

      it('embeds no file: a site could tell by it which files a user has', async () => {
        const { page } = await visitorWithSession(stage)
        expect((await fetchInPage(page, `${stage.cdn}/_edge/session`)).status).toBe(200)
        expect(await loadsAsImage(page, `${stage.cdn}/users/alice/pixel.png`)).toBe(false)
      })

      it('gives nothing to a site that is not named, and lets it end no session', async () => {
        const visitor = await visitorWithSession(stage)
        const { page, context } = visitor
        expect((await fetchInPage(page, `${stage.cdn}/_edge/session`)).status).toBe(200)
        const { port } = new URL(stage.app.origin)
        await page.goto(`https://evil.example.test:${port}/`)
        expect((await readRange(page, `${stage.cdn}/users/alice/disk.bin`, 0, 9)).status).toBe(0)
        expect((await fetchInPage(page, `${stage.cdn}/_edge/session`, { method: 'DELETE' })).status).toBe(0)
        const held = await context.cookies(`${stage.cdn}/users/alice/`)
        expect(held.map(({ name }) => name)).toContain('CloudFront-Signature')
      })
    },
  )

  describeInChromium(
    `signed URLs that every origin may read, ${enforcement}`,
    { enforcement, bootstrap: 'none', allowedOrigins: '*', hosts },
    (stage) => {
      it('open without credentials and not with them', async () => {
        const { page } = await visitorWithSession(stage)
        const keys = keysFromDocument(serializeKeyDocument(stage.keyDocument))
        const url = await signUrl({ keys, url: `${stage.cdn}/users/alice/disk.bin` })
        const headers = { range: 'bytes=0-9' }
        const read = await fetchInPage(page, url, { headers, credentials: 'omit' })
        expect([read.status, read.body.equals(disk.subarray(0, 10))]).toEqual([206, true])
        expect((await fetchInPage(page, url, { headers })).status).toBe(0)
        // A refusal can be read as well.
        const refused = await fetchInPage(page, `${stage.cdn}/users/alice//disk.bin`, { headers, credentials: 'omit' })
        expect(refused.status).toBeGreaterThanOrEqual(400)
      })

      it('give no page of another origin a session, and let it end none', async () => {
        const { page, context } = await visitorWithSession(stage)
        expect((await fetchInPage(page, `${stage.cdn}/_edge/session`)).status).toBe(0)
        expect((await fetchInPage(page, `${stage.cdn}/_edge/session`, { method: 'DELETE' })).status).toBe(0)
        expect((await context.cookies(stage.cdn)).map(({ name }) => name)).toEqual(['session'])
      })
    },
  )
}

/** A user of the CDN on a page of the app, which is another site. */
async function visitorWithSession(stage: BrowserStage): Promise<Visitor> {
  const visitor = await stage.visit({ blockThirdPartyCookies: false })
  const scope = { domain: hosts.cdn, path: '/', secure: true, httpOnly: true, sameSite: 'None' } as const
  await visitor.context.addCookies([{ name: 'session', value: stage.session('alice'), ...scope }])
  await visitor.page.goto(stage.app.origin)
  return visitor
}
