/** Files that a person opens by their address: what a browser can show is shown, under a policy that lets nothing run. */
import { describe, expect, it, vi } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { fetchInPage } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'
import { makeFrames, makeVideo } from './video.ts'

for (const enforcement of ['key-group', 'gate'] as const) {
  describeInChromium(`opened files, ${enforcement}`, { enforcement }, (stage) => {
    describe.each(['users/alice', 'public'])('below /%s/', (folder) => {
      it('plays a video', async () => {
        const { page } = await signedIn(stage)
        stage.write({ [`${folder}/film.webm`]: makeVideo(await makeFrames(page, 4)) })
        const response = await page.goto(`${stage.cdn}/${folder}/film.webm`)
        expect(response?.headers()['content-security-policy']).not.toContain('sandbox')
        const state = () =>
          page.evaluate(`(() => {
            const video = document.querySelector('video')
            return { ready: video.readyState >= 2, width: video.videoWidth > 0, error: video.error?.code ?? null }
          })()`)
        await vi.waitUntil(async () => JSON.stringify(await state()).includes('"ready":true'), 10_000).catch(() => {})
        expect(await state()).toEqual({ ready: true, width: true, error: null })
      })

      it('shows an image', async () => {
        const { page } = await signedIn(stage)
        await page.goto(`${stage.cdn}/${folder}/pixel.png`)
        expect(await page.evaluate('document.images[0].complete && document.images[0].naturalWidth')).toBe(1)
      })

      it('shows a text', async () => {
        stage.write({ [`${folder}/notes.txt`]: 'notes of alice\n' })
        const { page } = await signedIn(stage)
        await page.goto(`${stage.cdn}/${folder}/notes.txt`)
        expect(await page.evaluate('document.body.innerText.trim()')).toBe('notes of alice')
      })
    })
  })
}

/** A visitor with the cookies of both modes. */
async function signedIn(stage: BrowserStage): Promise<Visitor> {
  const visitor = await stage.visit()
  await stage.signIn(visitor, 'alice')
  await visitor.page.goto(stage.app.origin)
  expect((await fetchInPage(visitor.page, `${stage.cdn}/_edge/session`)).status).toBe(200)
  return visitor
}
