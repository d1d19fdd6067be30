/** `gate` mode: nothing in the page knows about cookies, mints or this project. Plain HTML has to do. */
import type { Request } from 'playwright-core'
import { expect, it } from 'vitest'
import type { Visitor } from '../../support/chromium.ts'
import { bobSecret, disk } from './content.ts'
import { dropCookies } from './drop-cookies.ts'
import { fetchInPage, readRange, readUntilChange } from './in-page.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'
import { makeFrames, makeVideo, shownGrey, waitForVideo } from './video.ts'

const seconds = 60

describeInChromium('plain HTML in gate mode', { enforcement: 'gate' }, (stage) => {
  it('shows an image and follows a link', async () => {
    const visitor = await signedIn(stage)
    const { page } = visitor
    stage.app.setPage('/gallery', `<img src="${stage.cdn}/users/alice/pixel.png"><a href="${notes(stage)}">notes</a>`)
    await page.goto(`${stage.app.origin}/gallery`)
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true)
    await page.waitForFunction('document.images[0].complete')
    expect(await page.evaluate('document.images[0].naturalWidth')).toBe(1)
    expect(await statuses(visitor, '/users/alice/pixel.png')).toEqual([307, 200])

    await page.click('a')
    await page.waitForURL(notes(stage))
    expect(await page.textContent('body')).toBe('notes of alice\n')
    // The image has brought the cookies of the whole prefix.
    expect(await statuses(visitor, '/users/alice/notes.txt')).toEqual([200])
  })

  it('closes the first user’s files when another signs in, without a mint or a sign-out between', async () => {
    const visitor = await signedIn(stage)
    const { page } = visitor
    await page.goto(notes(stage))
    expect(await page.textContent('body')).toBe('notes of alice\n')
    await stage.signIn(visitor, 'bob')
    await page.goto(`${stage.cdn}/users/bob/notes.txt`)
    expect(await page.textContent('body')).toBe(bobSecret)
    await page.goto(notes(stage))
    await page.getByRole('heading', { name: 'No access' }).waitFor()
    await page.goto(stage.app.origin)
    const read = await fetchInPage(page, notes(stage))
    expect([read.status, read.body.toString()]).toEqual([403, expect.stringContaining('ERR_RETURN_NOT_GRANTED')])
  })

  it.each([
    ['by its URL alone', ''],
    ['for a page that looks at its frames', 'crossorigin="use-credentials"'],
  ])('plays a video and seeks in it, %s', async (_, attribute) => {
    const visitor = await signedIn(stage)
    const { page } = visitor
    await page.goto(stage.app.origin)
    const frames = await makeFrames(page, seconds)
    const video = makeVideo(frames)
    stage.write({ 'users/alice/film.webm': video })
    stage.app.setPage(
      '/film',
      `<video ${attribute} muted preload="metadata" src="${stage.cdn}/users/alice/film.webm"></video>`,
    )
    await page.goto(`${stage.app.origin}/film`)
    await waitForVideo(page)
    expect(await page.evaluate('document.querySelector("video").duration')).toBe(seconds)

    for (const second of [50, 7, 31]) {
      await page.evaluate(`document.querySelector('video').currentTime = ${second}.5`)
      await waitForVideo(page)
      if (attribute === '') continue
      // The colours of neighbouring seconds are 4 apart.
      expect(Math.abs((await shownGrey(page)) - (frames[second]?.grey ?? 0)), `at second ${second}`).toBeLessThan(2)
    }
    const film = visitor.requests.filter((request) => request.url().endsWith('/film.webm'))
    const far = film.map((request) => Number(/^bytes=(\d+)-/.exec(request.headers().range ?? '')?.[1] ?? 0))
    expect(Math.max(...far), 'a part of the file that was asked for by a range').toBeGreaterThan(video.length / 2)
    // A player hangs up on parts that it no longer wants; those have no status.
    const answered = (await Promise.all(film.map(status))).filter((code) => code !== undefined)
    expect(answered.filter((code) => code !== 206)).toEqual([307])
  })

  it('opens a link from elsewhere at once, and asks only those to sign in who are not', async () => {
    const visitor = await stage.visit()
    const { page } = visitor
    await page.goto(notes(stage))
    expect(new URL(page.url()).pathname).toBe('/dev/login')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(notes(stage))
    expect(await page.textContent('body')).toBe('notes of alice\n')
    expect(visitor.requests.length).toBeLessThan(8)
  })

  it('shows a refusal for another user’s file, without a redirect', async () => {
    const visitor = await signedIn(stage)
    const response = await visitor.page.goto(`${stage.cdn}/users/bob/notes.txt`)
    expect(response?.status()).toBe(403)
    expect(await visitor.page.getByRole('heading').textContent()).toBe('No access')
    expect(await visitor.page.content()).not.toContain('secret')
    expect(navigations(visitor)).toHaveLength(1)
  })

  it('streams on over the end of the cookies while the session lives', async () => {
    const visitor = await stage.visit()
    await visitor.page.goto(stage.app.origin)
    const url = `${stage.cdn}/users/alice/disk.bin`
    const now = Math.floor(Date.now() / 1000)
    const value = stage.session('alice', { iat: now - 60, exp: now + 6 })
    await visitor.context.addCookies([{ name: 'session', value, url: stage.cdn }])
    expect((await readRange(visitor.page, url, 0, 9)).redirected).toBe(true)
    // The app has prolonged its session; the cookies of before still end with the old one.
    await stage.signIn(visitor, 'alice')
    const end = await readUntilChange(visitor.page, url, 30_000)
    expect(end).toMatchObject({ status: 206, redirected: true })
    expect(end.reads).toBeGreaterThan(1)
    const after = await readRange(visitor.page, url, 1000, 1999)
    expect([after.status, after.redirected]).toEqual([206, false])
    expect(after.body.equals(disk.subarray(1000, 2000))).toBe(true)
  })

  it('ends a stream with the session, in words that a page can read', async () => {
    const visitor = await stage.visit()
    await stage.signIn(visitor, 'alice', 5)
    await visitor.page.goto(stage.app.origin)
    const url = `${stage.cdn}/users/alice/disk.bin`
    expect((await readRange(visitor.page, url, 0, 9)).status).toBe(206)
    expect(await readUntilChange(visitor.page, url, 30_000)).toMatchObject({ status: 401 })
    const answer = await readRange(visitor.page, url, 0, 9)
    expect(JSON.parse(answer.body.toString()).code).toMatch(/^ERR_SESSION_(EXPIRED|MISSING)$/)
  })

  it('says that cookies are blocked if they do not come back, after one try', async () => {
    const visitor = await signedIn(stage)
    await dropCookies(stage.cdn, visitor, /^(CloudFront-|edge-issued)/)
    const response = await visitor.page.goto(notes(stage))
    expect(response?.status()).toBe(403)
    expect(await visitor.page.getByRole('heading').textContent()).toBe('Cookies are blocked')
    expect(navigations(visitor)).toHaveLength(2)
  })

  it('reads with a Bearer session and no cookie at all', async () => {
    const { page, context } = await stage.visit()
    await page.goto(stage.app.origin)
    const headers = { authorization: `Bearer ${stage.session('alice')}`, range: 'bytes=5-14' }
    const url = `${stage.cdn}/users/alice/disk.bin`
    const answer = await fetchInPage(page, url, { headers, credentials: 'omit' })
    expect(answer.status).toBe(206)
    expect(answer.body.equals(disk.subarray(5, 15))).toBe(true)
    expect(await context.cookies()).toEqual([])
  })
})

const notes = (stage: BrowserStage) => `${stage.cdn}/users/alice/notes.txt`

async function signedIn(stage: BrowserStage): Promise<Visitor> {
  const visitor = await stage.visit()
  await stage.signIn(visitor, 'alice')
  visitor.requests.length = 0
  return visitor
}

function navigations({ requests }: Visitor): readonly Request[] {
  return requests.filter((request) => request.isNavigationRequest())
}

async function status(request: Request): Promise<number | undefined> {
  return (await request.response())?.status()
}

function statuses({ requests }: Visitor, path: string): Promise<readonly (number | undefined)[]> {
  return Promise.all(requests.filter((request) => new URL(request.url()).pathname === path).map(status))
}
