/** A CDN on another site than the app: its cookies are third-party cookies, and `SameSite=Lax` ones at that. */
import { describe, expect, it } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { bobSecret, disk } from './content.ts'
import { fetchInPage, loadsAsImage, readRange } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

const hosts = { app: 'localhost', cdn: 'cdn.example.test' }

describeInChromium('a CDN of another site, key group', { enforcement: 'key-group', hosts }, (stage) => {
  describe.each([true, false])('third-party cookies blocked: %s', (blockThirdPartyCookies) => {
    it('says that no session arrived, though there is one at the CDN itself', async () => {
      const visitor = await stage.visit({ blockThirdPartyCookies })
      await stage.signIn(visitor, 'alice')
      await visitor.page.goto(stage.app.origin)
      const answer = await fetchInPage(visitor.page, `${stage.cdn}/_edge/session`)
      expect(answer.status).toBe(401)
      expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'ERR_SESSION_MISSING' })
    })

    it('refuses the first read, readably, where the mint went through but its cookies did not stay', async () => {
      const { page, context } = await stage.visit({ blockThirdPartyCookies })
      await page.goto(stage.app.origin)
      const headers = { authorization: `Bearer ${stage.session('alice')}` }
      expect((await fetchInPage(page, `${stage.cdn}/_edge/session`, { headers })).status).toBe(200)
      expect(await context.cookies()).toEqual([])
      expect((await readRange(page, `${stage.cdn}/users/alice/disk.bin`, 0, 9)).status).toBe(403)
    })
  })
})

describeInChromium('a CDN of another site, gate', { enforcement: 'gate', hosts }, (stage) => {
  it('says 401 once where third-party cookies are blocked', async () => {
    const visitor = await visitorWithOpenSession(stage, true)
    const answer = await readRange(visitor.page, `${stage.cdn}/users/alice/disk.bin`, 0, 9)
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'ERR_SESSION_MISSING' })
    expect(readsOf(visitor)).toHaveLength(1)
  })

  it('ends if the browser sends the session but does not keep its cookies', async () => {
    const visitor = await visitorWithOpenSession(stage, false)
    const answer = await readRange(visitor.page, `${stage.cdn}/users/alice/disk.bin`, 0, 9)
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'ERR_NO_COOKIES' })
    // Not round and round until the browser gives up, as the marker of a renewal does not stay either.
    expect(readsOf(visitor).length).toBeLessThan(3)
  })

  it('needs no cookie with Bearer', async () => {
    const { page } = await stage.visit({ blockThirdPartyCookies: true })
    await page.goto(stage.app.origin)
    const read = (path: string) =>
      fetchInPage(page, `${stage.cdn}${path}`, {
        headers: { authorization: `Bearer ${stage.session('alice')}`, range: 'bytes=0-99' },
      })
    const own = await read('/users/alice/disk.bin')
    expect(own.status).toBe(206)
    expect(own.body.equals(disk.subarray(0, 100))).toBe(true)
    const foreign = await read('/users/bob/notes.txt')
    expect(foreign.status).toBe(403)
    expect(foreign.body.includes(bobSecret)).toBe(false)
    expect(await loadsAsImage(page, `${stage.cdn}/public/pixel.png`), 'CORP same-site').toBe(false)
  })
})

/** An app that lets its session cookie travel between sites. */
async function visitorWithOpenSession(stage: BrowserStage, blockThirdPartyCookies: boolean): Promise<Visitor> {
  const visitor = await stage.visit({ blockThirdPartyCookies })
  const value = stage.session('alice')
  await visitor.context.addCookies([{ name: 'session', value, url: stage.cdn, secure: true, sameSite: 'None' }])
  await visitor.page.goto(stage.app.origin)
  return visitor
}

function readsOf({ requests }: Visitor) {
  return requests.filter((request) => request.url().endsWith('/disk.bin'))
}
