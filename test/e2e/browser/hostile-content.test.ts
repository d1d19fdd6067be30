/**
 * What users upload is served from the origin that holds everybody's session. So whatever an upload says it is, and however it
 * is embedded, its script does not run, it reads nothing with its viewer's cookies, and it signs nobody out.
 */
import { describe, expect, it } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { fetchInPage } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

/** What a script of an upload would do first: tell, and read. Each way leaves a request that the test would see. */
const script = [
  "new Image().src = '/public/script-ran'",
  "fetch('/api/assets?prefix=users/alice/', { credentials: 'include' })",
  "fetch('/_edge/session', { credentials: 'include' })",
  "try { top.scriptRan = true } catch {} try { top.postMessage('script ran', '*') } catch {}",
].join(';')

const html = [
  `<!doctype html><title>upload</title><script>${script}</script>`,
  `<img src="data:,x" onerror="${script}"><svg onload="${script}"></svg>`,
  `<iframe srcdoc="<script>parent.scriptRan = true</script>"></iframe><a href="javascript:${script}">x</a>`,
  `<iframe src="/_edge/session/end?return=/"></iframe><img src="/_edge/session/end?return=/">`,
  `<meta http-equiv="refresh" content="0;url=/_edge/session/end?return=/public/script-ran">`,
].join('\n')
const svg = [
  '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"',
  ` onload="${script.replaceAll('"', '&quot;')}"><script>${script}</script>`,
  `<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="/_edge/session/end"/></foreignObject>`,
  '<rect width="9" height="9"/></svg>',
].join('\n')
const xml = `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>${script}</script></html>`

const uploads = {
  'page.html': html,
  'drawing.svg': svg,
  'feed.xml': xml,
  'page.xhtml': xml,
  'script.js': script,
  'script-without-type': script,
  // No type at all: browsers guess.
  page: html,
}
const names = Object.keys(uploads)

for (const enforcement of ['key-group', 'gate'] as const) {
  describeInChromium(`uploads, ${enforcement}`, { enforcement }, (stage) => {
    describe.each(['users/alice', 'public'])('below /%s/', (folder) => {
      it('do nothing when they are opened', async () => {
        const visitor = await victim(stage, folder)
        for (const name of names) {
          const url = `${stage.cdn}/${folder}/${name}`
          const opened = visitor.page.waitForEvent('response', (response) => response.url() === url)
          // A file that is saved instead of shown ends the navigation with an error.
          await visitor.page.goto(url, { waitUntil: 'load' }).catch(() => {})
          expect((await opened).status(), name).toBe(200)
          await expectUnharmed(stage, visitor, name)
        }
      })

      it('do nothing when they are embedded in a page of the app', async () => {
        const visitor = await victim(stage, folder)
        const embedded = names.map((name) => {
          const url = `${stage.cdn}/${folder}/${name}`
          return `<iframe src="${url}"></iframe><object data="${url}"></object><embed src="${url}"><img src="${url}">`
        })
        stage.app.setPage('/embed', embedded.join('\n'), { 'cross-origin-embedder-policy': 'unsafe-none' })
        await visitor.page.goto(`${stage.app.origin}/embed`, { waitUntil: 'load' })
        for (const name of names) {
          const { requests } = visitor
          const ways = requests.filter((request) => request.url().endsWith(`/${folder}/${name}`))
          expect(ways.length, `${name} was asked for`).toBeGreaterThan(2)
        }
        await expectUnharmed(stage, visitor, 'embedded')
      })
    })

    it('is no script to another page unless its type says so', async () => {
      const visitor = await victim(stage, 'users/alice')
      const url = `${stage.cdn}/users/alice/script-without-type`
      stage.app.setPage('/load', `<script src="${url}"></script>`)
      await visitor.page.goto(`${stage.app.origin}/load`, { waitUntil: 'load' })
      expect(visitor.requests.filter((request) => request.url() === url)).toHaveLength(1)
      await expectUnharmed(stage, visitor, 'loaded')
    })

    it('shows a drawing as an image all the same', async () => {
      const { page } = await victim(stage, 'users/alice')
      stage.app.setPage('/drawing', `<img src="${stage.cdn}/users/alice/drawing.svg">`)
      await page.goto(`${stage.app.origin}/drawing`, { waitUntil: 'load' })
      expect(await page.evaluate('document.images[0].naturalWidth')).toBe(9)
    })
  })
}

/** A signed-in visitor with cookies for everything, and the uploads in place. */
async function victim(stage: BrowserStage, folder: string): Promise<Visitor> {
  stage.write(Object.fromEntries(Object.entries(uploads).map(([name, bytes]) => [`${folder}/${name}`, bytes])))
  const visitor = await stage.visit()
  await stage.signIn(visitor, 'alice')
  await visitor.page.goto(stage.app.origin)
  expect((await fetchInPage(visitor.page, `${stage.cdn}/_edge/session`)).status).toBe(200)
  await visitor.page.evaluate("addEventListener('message', () => { globalThis.scriptRan = true })")
  visitor.requests.length = 0
  return visitor
}

/** Nothing ran, nothing was read, nobody was signed out. */
async function expectUnharmed(stage: BrowserStage, visitor: Visitor, what: string): Promise<void> {
  // A page that the visitor opens next: whatever was to happen on the way has been asked for by then.
  const ran = await visitor.page.evaluate('globalThis.scriptRan === true').catch(() => false)
  await visitor.page.goto(stage.app.origin)
  expect(ran, what).toBe(false)
  const paths = visitor.requests.map((request) => new URL(request.url()).pathname)
  expect(
    paths.filter((path) => path.startsWith('/api/') || path === '/_edge/session'),
    what,
  ).toEqual([])
  expect(paths, what).not.toContain('/public/script-ran')
  const held = (await visitor.context.cookies()).map(({ name }) => name)
  expect(held, what).toContain('session')
  expect(held, what).toContain('CloudFront-Policy')
}
