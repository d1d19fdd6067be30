/**
 * Uploads of users are served from the origin of everybody's session. So for every declared type and every way to embed it, an
 * upload's script does not run, it reads nothing with its viewer's cookies, and it signs nobody out.
 */
import { describe, expect, it } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { fetchInPage } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

/** A hostile script that reports itself and reads. Each step leaves a request that the test would see. */
const script = [
  "new Image().src = '/public/script-ran'",
  "fetch('/api/assets?prefix=users/alice/', { credentials: 'include' })",
  "fetch('/_edge/session', { credentials: 'include' })",
  "try { top.scriptRan = true } catch {} try { top.postMessage('script ran', '*') } catch {}",
].join(';')

/** Target of the refresh in the HTML upload. No policy stops a refresh of the page itself, so the sign-out must refuse it. */
const refreshTarget = '/_edge/session/end?return=/public/script-ran'

const html = [
  `<!doctype html><title>upload</title><script>${script}</script>`,
  `<img src="data:,x" onerror="${script}"><svg onload="${script}"></svg>`,
  `<iframe srcdoc="<script>parent.scriptRan = true</script>"></iframe><a href="javascript:${script}">x</a>`,
  `<iframe src="/_edge/session/end?return=/"></iframe><img src="/_edge/session/end?return=/">`,
  `<meta http-equiv="refresh" content="0;url=${refreshTarget}">`,
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
          await openUpload(stage, visitor, `${folder}/${name}`)
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

    it.each(['users/alice', 'public'])('are no code of a page on their own origin, below /%s/', async (folder) => {
      stage.write({ [`${folder}/code.js`]: code, [`${folder}/code.css`]: 'p { width: 9px }' })
      const visitor = await victim(stage, folder)
      const app = `${stage.cdn}/app-of-this-origin`
      await visitor.context.route(app, (route) =>
        route.fulfill({ contentType: 'text/html', body: '<!doctype html><p>app</p>' }),
      )
      await visitor.page.goto(app)
      expect(await visitor.page.evaluate(`(${loadAsCode})('/${folder}/code')`)).toEqual({
        data: 200,
        script: 'refused',
        module: 'refused',
        style: 'refused',
        worker: 'refused',
        sharedWorker: 'refused',
        serviceWorker: 'refused',
        scriptRan: false,
      })
    })

    it('are reported by these pages if they run', async () => {
      const { page, ranIn } = await victim(stage, 'users/alice')
      for (const [path, html] of Object.entries({
        '/itself': `<script>${script}</script>`,
        '/in-a-frame': `<iframe srcdoc="<script>parent.scriptRan = true</script>"></iframe>`,
        '/by-message': `<iframe sandbox="allow-scripts" srcdoc="<script>top.postMessage('script ran', '*')</script>"></iframe>`,
      })) {
        const listener = `<script>addEventListener('message', () => { globalThis.scriptRan = true })</script>`
        stage.app.setPage(path, listener + html)
        const reported = page.waitForEvent('console', (message) => message.text() === 'script ran')
        await page.goto(`${stage.app.origin}${path}`)
        await reported
      }
      expect([...new Set(ranIn)]).toEqual(
        ['/itself', '/in-a-frame', '/by-message'].map((path) => stage.app.origin + path),
      )
    })

    it('still shows a drawing as an image', async () => {
      const { page } = await victim(stage, 'users/alice')
      stage.app.setPage('/drawing', `<img src="${stage.cdn}/users/alice/drawing.svg">`)
      await page.goto(`${stage.app.origin}/drawing`, { waitUntil: 'load' })
      expect(await page.evaluate('document.images[0].naturalWidth')).toBe(9)
    })
  })
}

/** A script that sets `scriptRan` in a page; in a worker, a message says that it runs. */
const code = `globalThis.scriptRan = true
if (globalThis.document === undefined) globalThis.postMessage?.('ran')
globalThis.onconnect = ({ ports }) => ports[0].postMessage('ran')`

/**
 * Runs in the page: loads a file as data, then in each way that would run it or style the page. A browser under load may lose the
 * event of a worker that did not start, so a way that stays silent is tried again.
 */
const loadAsCode = `async (file) => {
  const once = (load) => Promise.race([
    load().then(() => 'loaded', () => 'refused'),
    new Promise((resolve) => setTimeout(resolve, 8000, 'silent')),
  ])
  const outcome = async (load) => {
    let last = 'silent'
    for (let tries = 0; tries < 3 && last === 'silent'; tries++) last = await once(load)
    return last
  }
  const element = (name, fields) =>
    new Promise((resolve, reject) => {
      const made = Object.assign(document.createElement(name), fields, { onload: resolve, onerror: reject })
      document.head.append(made)
    })
  const worker = (made) => new Promise((resolve, reject) => {
    made.onerror = reject
    const port = made.port ?? made
    port.onmessage = resolve
  })
  const { status } = await fetch(file + '.js')
  await fetch(file + '.css')
  return {
    data: status,
    script: await outcome(() => element('script', { src: file + '.js' })),
    module: await outcome(() => import(file + '.js')),
    style: await outcome(() => element('link', { rel: 'stylesheet', href: file + '.css' })),
    worker: await outcome(() => worker(new Worker(file + '.js'))),
    sharedWorker: await outcome(() => worker(new SharedWorker(file + '.js'))),
    serviceWorker: await outcome(() => navigator.serviceWorker.register(file + '.js')),
    scriptRan: globalThis.scriptRan === true,
  }
}`

/** A visitor whose pages report a script that runs, even if the page is left at once. */
interface Victim extends Visitor {
  /** URLs of the pages that were open when a script set `scriptRan`. */
  readonly ranIn: string[]
}

/** Runs in every frame before its own scripts. */
const reportScriptRan = `{
  let ran
  const set = (value) => {
    ran = value
    console.log('script ran')
  }
  Object.defineProperty(globalThis, 'scriptRan', { get: () => ran, set })
}`

/** A signed-in visitor with cookies for everything, and the uploads in place. */
async function victim(stage: BrowserStage, folder: string): Promise<Victim> {
  stage.write(Object.fromEntries(Object.entries(uploads).map(([name, bytes]) => [`${folder}/${name}`, bytes])))
  const visitor = await stage.visit()
  const ranIn: string[] = []
  const { page } = visitor
  page.on('console', (message) => {
    if (message.text() === 'script ran') ranIn.push(page.url())
  })
  await page.addInitScript(reportScriptRan)
  await stage.signIn(visitor, 'alice')
  await page.goto(stage.app.origin)
  expect((await fetchInPage(page, `${stage.cdn}/_edge/session`)).status).toBe(200)
  await page.evaluate("addEventListener('message', () => { globalThis.scriptRan = true })")
  visitor.requests.length = 0
  return { ...visitor, ranIn }
}

/**
 * Opens an upload, and returns when the browser is at rest. Only a page that is shown refreshes itself, and a refresh that is still
 * under way would interrupt the next navigation.
 */
async function openUpload({ cdn }: BrowserStage, { page, requests }: Visitor, key: string): Promise<void> {
  const opened = page.waitForResponse(`${cdn}/${key}`)
  const shown = await page.goto(`${cdn}/${key}`, { waitUntil: 'load' }).then(
    () => true,
    (error: unknown) => {
      // A file that is saved instead of shown ends the navigation with this error.
      expect(String(error), key).toContain('Download is starting')
      return false
    },
  )
  expect((await opened).status(), key).toBe(200)
  if (!shown || !key.endsWith('.html')) return
  await page.waitForURL(`${cdn}${refreshTarget}`, { waitUntil: 'load' })
  const refresh = requests.find((request) => request.url() === `${cdn}${refreshTarget}`)
  expect((await refresh?.response())?.status(), key).toBe(403)
}

/** Nothing ran, nothing was read, nobody was signed out. */
async function expectUnharmed(stage: BrowserStage, visitor: Victim, what: string): Promise<void> {
  // A page that the visitor opens next: whatever was to happen on the way has been asked for by then.
  await visitor.page.goto(stage.app.origin)
  expect(visitor.ranIn, what).toEqual([])
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
