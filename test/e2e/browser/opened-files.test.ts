/**
 * Files that a person opens by their address, and that the app shows in a frame: what a browser can show is shown, under a policy
 * that lets nothing run.
 */
import { readFileSync } from 'node:fs'
import type { Frame } from 'playwright-core'
import { describe, expect, it, vi } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { pixel } from './content.ts'
import { fetchInPage } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'
import { makeFrames, makeVideo } from './video.ts'

const media = (name: string) => readFileSync(new URL(`../../support/media/${name}`, import.meta.url))

/** One page that is red from edge to edge. */
const redPage = [
  '%PDF-1.4',
  '1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj',
  '2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj',
  '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R>>endobj',
  '4 0 obj<</Length 25>>stream\n1 0 0 rg 0 0 300 300 re f\nendstream endobj',
  'trailer<</Root 1 0 R>>',
  '%%EOF',
].join('\n')

const script = "document.title = 'ran'; top.postMessage('ran', '*')"
const files = {
  'film.mp4': media('film.mp4'),
  'tone.mp3': media('tone.mp3'),
  'page.pdf': redPage,
  'pixel.png': pixel,
  'notes.txt': 'Grüße an Zoë\n',
  'page.html': `<!doctype html><title>quiet</title><p>page</p><script>${script}</script>`,
  'drawing.svg': `<svg xmlns="http://www.w3.org/2000/svg"><title>quiet</title><script>${script}</script></svg>`,
}

/** Ways to show a file: by its address, in a frame of the app, and in one under COEP, which `SharedArrayBuffer` requires. */
const ways = ['link', 'frame', 'frame under COEP'] as const

for (const enforcement of ['key-group', 'gate'] as const) {
  describeInChromium(`opened files, ${enforcement}`, { enforcement }, (stage) => {
    describe.each(['users/alice', 'public'])('below /%s/', (folder) => {
      describe.each(ways)('by %s', (way) => {
        it.each([
          ['a film', 'film.mp4', 'video'],
          ['a sound', 'tone.mp3', 'video, audio'],
        ])('plays %s', async (_, name, element) => {
          const shown = await open(stage, folder, name, way)
          await vi.waitUntil(() => shown.frame.evaluate(playsFrom(element)), { timeout: 60_000, interval: 100 })
        })

        it('shows a PDF', async () => {
          const shown = await open(stage, folder, 'page.pdf', way)
          await vi.waitUntil(async () => (await redShare(shown.visitor)) > 0.1, { timeout: 60_000, interval: 250 })
        })

        it('shows an image', async () => {
          const { frame } = await open(stage, folder, 'pixel.png', way)
          await frame.waitForFunction('document.images[0]?.complete && document.images[0].naturalWidth === 1')
        })

        // No function sees the answers of private paths in gate mode.
        const seesType = enforcement === 'key-group' || folder === 'public'
        it.runIf(seesType)('shows text without a charset as UTF-8', async () => {
          const { frame } = await open(stage, folder, 'notes.txt', way)
          await frame.waitForFunction("document.body?.innerText.trim() === 'Grüße an Zoë'")
        })

        it.each(['page.html', 'drawing.svg'])('runs no script of %s', async (name) => {
          const { visitor, frame } = await open(stage, folder, name, way)
          expect(await visitor.page.evaluate('globalThis.ran ?? false')).toBe(false)
          expect(await frame.evaluate('document.title')).not.toBe('ran')
        })
      })

      it('plays a video that is larger than a buffer', async () => {
        const { page } = await signedIn(stage)
        stage.write({ [`${folder}/film.webm`]: makeVideo(await makeFrames(page, 4)) })
        const response = await page.goto(`${stage.cdn}/${folder}/film.webm`)
        expect(response?.headers()['content-security-policy']).not.toContain('sandbox')
        await vi.waitUntil(() => page.evaluate(playsFrom('video')), { timeout: 60_000, interval: 100 })
      })
    })

    it.each(['a DELETE', 'a link'])('shows no private file by the Back button after a sign-out by %s', async (way) => {
      stage.write({ 'users/alice/notes.txt': files['notes.txt'] })
      const { page } = await signedIn(stage)
      const back = encodeURIComponent(stage.app.origin)
      stage.app.setPage('/out', `<a href="${stage.cdn}/_edge/session/end?return=${back}">Leave</a>`)
      await page.goto(`${stage.cdn}/users/alice/notes.txt`)
      await page.waitForFunction("document.body.innerText.includes('Zo')")
      await page.goto(`${stage.app.origin}/out`)
      if (way === 'a DELETE') {
        expect((await fetchInPage(page, `${stage.cdn}/_edge/session`, { method: 'DELETE' })).status).toBe(204)
      } else {
        await page.getByRole('link').click()
        await page.waitForURL(`${stage.app.origin}/`)
        await page.goBack()
        await page.waitForURL(`${stage.app.origin}/out`)
      }
      await page.goBack()
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      expect(await page.evaluate('document.body.innerText')).not.toContain('Zo')
    })
  })
}

/** Returns a script that is true when the first such element has data, time goes on or is over, and nothing failed. */
function playsFrom(element: string): string {
  return `(() => {
    const media = document.querySelector('${element}')
    return media !== null && media.error === null && media.readyState >= 2 && (media.currentTime > 0 || media.ended)
  })()`
}

interface Shown {
  readonly visitor: Visitor
  /** The frame that holds the file. */
  readonly frame: Frame
}

async function open(
  stage: BrowserStage,
  folder: string,
  name: keyof typeof files | string,
  way: string,
): Promise<Shown> {
  stage.write(Object.fromEntries(Object.entries(files).map(([file, bytes]) => [`${folder}/${file}`, bytes])))
  const visitor = await signedIn(stage)
  const { page } = visitor
  const url = `${stage.cdn}/${folder}/${name}`
  const listener = "<script>addEventListener('message', () => { globalThis.ran = true })</script>"
  if (way === 'link') {
    const answered = page.waitForResponse(url)
    // A file that is saved instead of shown ends the navigation with this error.
    await page.goto(url, { waitUntil: 'commit' }).catch((error: unknown) => {
      expect(String(error)).toContain('Download is starting')
    })
    expect((await answered).status()).toBeLessThan(300)
    return { visitor, frame: page.mainFrame() }
  }
  const headers = { 'cross-origin-embedder-policy': way === 'frame under COEP' ? 'require-corp' : 'unsafe-none' }
  stage.app.setPage('/show', `${listener}<iframe width="600" height="500" src="${url}"></iframe>`, headers)
  const answered = page.waitForResponse(url)
  await page.goto(`${stage.app.origin}/show`)
  expect((await answered).status()).toBeLessThan(300)
  const frame = page.frames()[1]
  if (frame === undefined) throw new Error('the page has a frame')
  return { visitor, frame }
}

/** Share of the window that is red. */
async function redShare({ context, page }: Visitor): Promise<number> {
  const shot = (await page.screenshot()).toString('base64')
  const judge = await context.newPage()
  const share = await judge.evaluate<number>(`(async () => {
    const bytes = Uint8Array.from(atob('${shot}'), (character) => character.charCodeAt(0))
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d')
    context.drawImage(image, 0, 0)
    const { data } = context.getImageData(0, 0, image.width, image.height)
    let red = 0
    for (let at = 0; at < data.length; at += 4) if (data[at] > 240 && data[at + 1] < 15 && data[at + 2] < 15) red++
    return red / (image.width * image.height)
  })()`)
  await judge.close()
  return share
}

/** A visitor with the cookies of both modes. */
async function signedIn(stage: BrowserStage): Promise<Visitor> {
  const visitor = await stage.visit()
  await stage.signIn(visitor, 'alice')
  await visitor.page.goto(stage.app.origin)
  expect((await fetchInPage(visitor.page, `${stage.cdn}/_edge/session`)).status).toBe(200)
  return visitor
}
