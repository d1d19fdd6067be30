/** `appIsolation`: pages of the app behind the CDN get `SharedArrayBuffer`, and still everything of the CDN. */
import { expect, it } from 'vitest'
import { disk } from './content.ts'
import { loadsAsImage, readRange } from './in-page.ts'
import { describeInChromium } from './stage.ts'

for (const enforcement of ['key-group', 'gate'] as const) {
  describeInChromium(
    `the app's pages, ${enforcement}`,
    { enforcement, appIsolation: 'require-corp', appBehindCdn: true },
    (stage) => {
      it('are cross-origin isolated, read ranges, and embed and frame files', async () => {
        const visitor = await stage.visit()
        const { page } = visitor
        await stage.signIn(visitor, 'alice')
        stage.app.setPage('/viewer', '<title>Viewer</title><iframe src="/users/alice/notes.txt"></iframe>')
        await page.goto(`${stage.cdn}/`)
        await page.goto(`${stage.cdn}/_edge/session?return=/viewer`)
        expect(new URL(page.url()).pathname).toBe('/viewer')
        expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true)
        expect(await page.evaluate('new SharedArrayBuffer(8).byteLength')).toBe(8)
        const read = await readRange(page, `${stage.cdn}/users/alice/disk.bin`, 4096, 8191)
        expect([read.status, read.body.equals(disk.subarray(4096, 8192))]).toEqual([206, true])
        expect(await loadsAsImage(page, `${stage.cdn}/users/alice/pixel.png`)).toBe(true)
        const frame = page.frames().find((one) => one !== page.mainFrame())
        expect(await frame?.textContent('body')).toBe('notes of alice\n')
      })
    },
  )

  describeInChromium(`the app's pages without it, ${enforcement}`, { enforcement, appBehindCdn: true }, (stage) => {
    it('keep the headers of the app', async () => {
      const { page } = await stage.visit()
      await page.goto(`${stage.cdn}/`)
      expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(false)
    })
  })
}
