/** A link to a private file in `key-group` mode: CloudFront refuses, and the 403 page gets the cookies, once. */
import { expect, it } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { dropCookies } from './drop-cookies.ts'
import { fetchInPage } from './in-page.ts'
import { look } from './look.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

const path = '/users/alice/notes.txt'
const text = 'notes of alice\n'

describeInChromium('the 403 page', { enforcement: 'key-group', bootstrap: 'error-page' }, (stage) => {
  it('opens the file for somebody who is signed in, and is not needed a second time', async () => {
    const visitor = await signedIn(stage, 'alice')
    await visitor.page.goto(fileOf(stage))
    await visitor.page.waitForFunction(`document.body.textContent === ${JSON.stringify(text)}`)
    expect(visitor.page.url()).toBe(fileOf(stage))
    expect(await journey(visitor)).toEqual([
      [path, 403],
      ['/_edge/session', 303],
      [path, 200],
    ])
    visitor.requests.length = 0
    await visitor.page.goto(stage.app.origin)
    await visitor.page.goto(fileOf(stage))
    expect((await journey(visitor)).slice(1)).toEqual([[path, 200]])
  })

  it('keeps the query of the address', async () => {
    const visitor = await signedIn(stage, 'alice')
    const url = `${fileOf(stage)}?version=7&name=a%20b`
    await visitor.page.goto(url)
    await visitor.page.waitForFunction(`document.body.textContent === ${JSON.stringify(text)}`)
    expect(visitor.page.url()).toBe(url)
  })

  it('drops the signature of a refused link: the file opens for a user with a grant, and no login page receives it', async () => {
    const link = `${fileOf(stage)}?Expires=1&Signature=abc&version=7&Key-Pair-Id=K1`
    const alice = await signedIn(stage, 'alice')
    await alice.page.goto(link)
    await alice.page.waitForFunction(`document.body.textContent === ${JSON.stringify(text)}`)
    expect(alice.page.url()).toBe(`${fileOf(stage)}?version=7`)
    const stranger = await stage.visit()
    await stranger.page.goto(link)
    await stranger.page.getByRole('button', { name: 'Sign in' }).waitFor()
    expect(stranger.page.url()).toContain(encodeURIComponent(encodeURIComponent('?version=7')))
    expect(stranger.page.url()).not.toMatch(/Signature|Key-Pair-Id/)
  })

  it('ends in a page if the address cannot be returned to', async () => {
    const visitor = await signedIn(stage, 'alice')
    await visitor.page.goto(`${stage.cdn}/users/alice//notes.txt`)
    await visitor.page.getByRole('heading', { name: 'Bad return address' }).waitFor()
    await expectRest(visitor, [
      ['/users/alice//notes.txt', 403],
      ['/_edge/session', 400],
    ])
  })

  it('leads to the sign-in, and from there to the file', async () => {
    const visitor = await stage.visit()
    const { page } = visitor
    await page.goto(fileOf(stage))
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForFunction(`document.body.textContent === ${JSON.stringify(text)}`)
    expect(page.url()).toBe(fileOf(stage))
    const seen = await journey(visitor)
    expect(seen.filter(([at]) => at === path)).toEqual([
      [path, 403],
      [path, 200],
    ])
    expect(seen.length).toBeLessThan(8)
  })

  it('says so if the file belongs to another user', async () => {
    const visitor = await signedIn(stage, 'bob')
    await visitor.page.goto(fileOf(stage))
    await visitor.page.getByRole('heading', { name: 'No access' }).waitFor()
    await visitor.page.getByRole('link', { name: 'Sign in as somebody else' }).waitFor()
    await look(visitor.page, 'no-access')
    await expectRest(visitor, [
      [path, 403],
      ['/_edge/session', 403],
    ])
    await visitor.page.goto(`${stage.cdn}/_edge/session`)
    await look(visitor.page, 'signed-in')
  })

  it('names the possible reasons if the cookies do not stay, after one try', async () => {
    const visitor = await signedIn(stage, 'alice')
    await dropCookies(stage.cdn, visitor, /^(CloudFront-|edge-)/)
    await visitor.page.goto(fileOf(stage))
    await visitor.page.getByRole('heading', { name: 'This file could not be opened' }).waitFor()
    expect(await visitor.page.getByRole('main').innerText()).toContain('Cookies of this site are blocked')
    await look(visitor.page, 'refused')
    const once: Journey = [
      [path, 403],
      ['/_edge/session', 303],
      [path, 403],
    ]
    await expectRest(visitor, once)
    // Loading it again is no reason to go round again.
    await visitor.page.reload()
    await visitor.page.getByRole('heading', { name: 'This file could not be opened' }).waitFor()
    await expectRest(visitor, [...once, [path, 403]])
    // Once the cause is gone, the page's own link opens the file.
    await visitor.context.unrouteAll()
    await visitor.page.getByRole('link', { name: 'Try again' }).click()
    await visitor.page.waitForFunction(`document.body.textContent === ${JSON.stringify(text)}`)
  })

  it('waits for a click where the browser keeps nothing, neither cookies nor storage', async () => {
    const visitor = await stage.visit({ blockCookies: true })
    await visitor.page.goto(fileOf(stage))
    await visitor.page.getByRole('heading', { name: 'Cookies are blocked' }).waitFor()
    await expectRest(visitor, [[path, 403]])
    await look(visitor.page, 'blocked')
    await visitor.page.keyboard.press('Tab')
    expect(await visitor.page.evaluate('document.activeElement.textContent')).toBe('Try again')
  })

  it('asks to sign in after a sign-out, and does not say that access was given', async () => {
    const visitor = await signedIn(stage, 'alice')
    const { page } = visitor
    await page.goto(fileOf(stage))
    await page.waitForFunction(`document.body.textContent === ${JSON.stringify(text)}`)
    await page.goto(stage.app.origin)
    expect((await fetchInPage(page, `${stage.cdn}/_edge/session`, { method: 'DELETE' })).status).toBe(204)
    await page.goto(fileOf(stage))
    await page.getByRole('heading', { name: 'This file is private' }).waitFor()
    expect(await page.getByRole('main').innerText()).toMatch(/ERR_SESSION_MISSING/)
    expect(await page.getByRole('main').innerText()).not.toMatch(/just been given/)
    await look(page, 'private')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    await look(page, 'sign-in')
  })

  it('names HTTPS where the browser keeps Secure cookies over HTTPS only, as Safari does on localhost', async () => {
    const { page } = await stage.visit()
    await page.addInitScript(() => {
      const { get, set } = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie') as Required<PropertyDescriptor>
      Object.defineProperty(document, 'cookie', {
        get: () => get.call(document),
        set: (line: string) => void (/; *secure/i.test(line) || set.call(document, line)),
      })
    })
    await page.goto(fileOf(stage))
    await page.getByText('npm start -- --tls').waitFor()
    await look(page, 'insecure')
  })

  it('opens the file in a frame of the app, and says in the frame what is wrong', async () => {
    const visitor = await signedIn(stage, 'alice')
    const { page } = visitor
    const under = { 'cross-origin-embedder-policy': 'require-corp' }
    stage.app.setPage(
      '/frame',
      `<title>App</title><iframe width="400" height="500" src="${fileOf(stage)}"></iframe>`,
      under,
    )
    await page.goto(`${stage.app.origin}/frame`)
    const frame = page.frameLocator('iframe')
    await frame.getByText('notes of alice').waitFor()
    // Signed out, and by the frame's own link in again: in a tab, and the frame follows.
    const { page: other } = await stage.visit()
    await other.goto(`${stage.app.origin}/frame`)
    const refused = other.frameLocator('iframe')
    await refused.getByRole('heading', { name: 'This file is private' }).waitFor()
    const opened = other.context().waitForEvent('page')
    await refused.getByRole('link', { name: 'Sign in' }).click()
    const tab = await opened
    await tab.getByRole('button', { name: 'Sign in' }).click()
    await tab.waitForURL(fileOf(stage))
  })

  it('lets a page of the app read the reason of a refusal', async () => {
    const { page } = await stage.visit()
    await page.goto(stage.app.origin)
    const reason = await page.evaluate(async (url) => {
      const answer = await fetch(url, { credentials: 'include' })
      return [answer.status, answer.headers.get('x-edge-signer-reason')]
    }, fileOf(stage))
    expect(reason).toEqual([403, expect.stringMatching(/./)])
  })

  it('works with JavaScript off', async () => {
    const visitor = await stage.visit({ withoutScripts: true })
    const { page } = visitor
    await page.goto(fileOf(stage))
    expect(await page.getByRole('heading').allInnerTexts()).toEqual(['This file is private'])
    await stage.signIn(visitor, 'alice')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'Your files' }).waitFor()
    await page.goto(fileOf(stage))
    expect(await page.locator('body').textContent()).toBe(text)
  })

  it('is refused to an image or a fetch, without further effect', async () => {
    const visitor = await signedIn(stage, 'alice')
    stage.app.setPage('/gallery', `<img src="${stage.cdn}/users/alice/pixel.png">`)
    await visitor.page.goto(`${stage.app.origin}/gallery`, { waitUntil: 'load' })
    expect(await visitor.page.evaluate('document.images[0].naturalWidth')).toBe(0)
    await expectRest(visitor, [['/gallery', 200]])
  })
})

/** Paths and statuses of documents, in order. */
type Journey = readonly (readonly [path: string, status: number | undefined])[]

async function journey({ requests }: Visitor): Promise<Journey> {
  const documents = requests.filter((request) => request.isNavigationRequest())
  return Promise.all(
    documents.map(async (request) => {
      const response = await request.response()
      return [new URL(request.url()).pathname, response?.status()] as const
    }),
  )
}

/** The journey so far was this one, and it has come to its end: the browser asks for nothing more. */
async function expectRest(visitor: Visitor, expected: Journey): Promise<void> {
  await visitor.page.waitForLoadState('networkidle')
  expect(await journey(visitor)).toEqual(expected)
}

const fileOf = (stage: BrowserStage) => `${stage.cdn}${path}`

/** With an app session and nothing else. */
async function signedIn(stage: BrowserStage, sub: string): Promise<Visitor> {
  const visitor = await stage.visit()
  await stage.signIn(visitor, sub)
  visitor.requests.length = 0
  return visitor
}
