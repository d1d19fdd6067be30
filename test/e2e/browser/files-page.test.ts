/** The Files page in a real browser: what it promises in each of its states, by keyboard, and without a fault that axe finds. */
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { look } from './look.ts'
import { type BrowserStage, describeInChromium } from './stage.ts'

const path = '/_edge/files/'

describeInChromium('the Files page', { enforcement: 'key-group' }, (stage) => {
  it('is where / leads, asks to sign in, and comes back to the folder that was open', async () => {
    const { page } = await stage.visit()
    await page.goto(`${stage.cdn}/`)
    expect(page.url()).toBe(stage.cdn + path)
    await page.goto(`${stage.cdn}${path}#users/alice/`)
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    await look(page, 'signed-out')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Sign in' }).click()
    await row(page, 'notes.txt').waitFor()
    expect(page.url()).toBe(`${stage.cdn}${path}#users/alice/`)
  })

  it('loads at most 60 KB, runs no code but its own, and is refused as code of others', async () => {
    const { page } = await open(stage)
    const names = ['', 'app.js', 'style.css']
    const bodies = await Promise.all(
      names.map(async (name) => (await page.request.get(stage.cdn + path + name)).body()),
    )
    expect(bodies.reduce((sum, body) => sum + gzipSync(body).length, 0)).toBeLessThan(60 * 1024)
    const { 'content-security-policy': policy } = (await page.request.get(stage.cdn + path)).headers()
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toContain('unsafe')
    stage.write({ 'users/alice/evil.js': 'window.evil = true' })
    const refused = await page.evaluate(async () => {
      const script = document.createElement('script')
      const done = new Promise((resolve) => {
        script.onerror = () => resolve('refused')
        script.onload = () => resolve('loaded')
      })
      const policy = (globalThis as never as { trustedTypes: { createPolicy(n: string, r: object): never } })
        .trustedTypes
      const make = policy.createPolicy('test', { createScriptURL: (url: string) => url }) as {
        createScriptURL(url: string): string
      }
      script.src = make.createScriptURL('/users/alice/evil.js')
      document.head.append(script)
      return done
    })
    expect(refused).toBe('refused')
  })

  it('invites to drop files into an empty folder, creates a folder and uploads into it', async () => {
    const { page } = await open(stage, 'dora')
    await page.getByRole('heading', { name: 'Drop files here' }).waitFor()
    await look(page, 'empty')
    await page.keyboard.press('n')
    await page.getByLabel('Name').fill('Räume & #1')
    await page.keyboard.press('Enter')
    await row(page, 'Räume & #1').click()
    await page.waitForFunction(() => location.hash.includes('%23'))
    await choose(page, { 'a.txt': 'one', 'b.txt': 'two' })
    await row(page, 'b.txt').waitFor()
    const answer = await page.request.get(`${stage.cdn}/users/dora/R%C3%A4ume%20%26%20%231/a.txt`)
    expect(await answer.text()).toBe('one')
    await page.reload()
    await row(page, 'a.txt').waitFor()
  })

  it('lists 10,000 files with a few rows, moves by keyboard, and searches', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`users/erik/many/scan-${String(index).padStart(5, '0')}.bin`, 'x']),
    )
    stage.write(files)
    const { page } = await open(stage, 'erik')
    await page.goto(`${stage.cdn}${path}#users/erik/many/`)
    await page.getByText('10,000 items').waitFor()
    expect(await page.getByRole('row').count()).toBeLessThan(60)
    await look(page, 'many')
    await row(page, 'scan-00000.bin').focus()
    await page.keyboard.press('End')
    await page.waitForFunction(() => document.activeElement?.textContent?.includes('scan-09999'))
    await page.keyboard.press('/')
    await page.keyboard.type('00042')
    await page.getByText('1 item,').waitFor()
    await row(page, 'scan-00042.bin').waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('10,000 items').waitFor()
  })

  it('renames, deletes and undoes by keyboard alone', async () => {
    stage.write({ 'users/frida/plan.txt': 'the plan' })
    const { page } = await open(stage, 'frida')
    await row(page, 'plan.txt').focus()
    await page.keyboard.press('r')
    await page.keyboard.type('map')
    await page.keyboard.press('Enter')
    await row(page, 'map.txt').waitFor()
    await row(page, 'map.txt').focus()
    await page.keyboard.press('Delete')
    await page.getByText('map.txt: deleted.').waitFor()
    expect(await row(page, 'map.txt').count()).toBe(0)
    await look(page, 'undo')
    await page.getByRole('button', { name: 'Undo' }).last().click()
    await row(page, 'map.txt').waitFor()
    expect((await page.request.get(`${stage.cdn}/users/frida/map.txt`)).status()).toBe(200)
    await page.keyboard.press('?')
    await page.getByRole('heading', { name: 'Keyboard' }).waitFor()
    await look(page, 'keys')
  })

  it('previews text, and goes on to the next file', async () => {
    stage.write({ 'users/gina/a.txt': 'first text', 'users/gina/b.txt': 'second text' })
    const { page } = await open(stage, 'gina')
    await row(page, 'a.txt').focus()
    await page.keyboard.press('Enter')
    await page.getByText('first text').waitFor()
    await look(page, 'preview')
    await page.keyboard.press('ArrowRight')
    await page.getByText('second text').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('shows progress where the file will be, goes on after a reload, and says why an upload failed', async () => {
    const { page } = await open(stage, 'hugo')
    await page.route('**/*', (route) => (route.request().method() === 'PATCH' ? undefined : route.fallback()))
    await choose(page, { 'slow.bin': 'x'.repeat(3_000_000) })
    await page.getByRole('progressbar', { name: 'Upload of slow.bin' }).waitFor()
    await look(page, 'uploading')
    page.on('dialog', (dialog) => void dialog.accept())
    await page.reload()
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await page.getByText('Interrupted. Choose the same file to go on.').waitFor()
    await look(page, 'interrupted')
    await page.getByRole('button', { name: 'Cancel the upload of slow.bin' }).click()
    stage.write({ 'users/hugo/taken.txt': 'mine' })
    await choose(page, { 'taken.txt': 'other' })
    await page.getByText('There is already a file of this name.').waitFor()
    await look(page, 'failed')
    await page.getByRole('button', { name: 'Keep both' }).click()
    await row(page, 'taken (2).txt').waitFor()
    expect(await (await page.request.get(`${stage.cdn}/users/hugo/taken.txt`)).text()).toBe('mine')
  })

  it('says that it is offline, that the session is over, and that a folder is read-only', async () => {
    stage.write({ 'users/ida/one.txt': '1' })
    const { page, context } = await open(stage, 'ida')
    await row(page, 'one.txt').waitFor()
    await context.setOffline(true)
    await page.getByText('You are offline.').waitFor()
    await look(page, 'offline')
    await context.setOffline(false)
    await page.getByText('You are offline.').waitFor({ state: 'detached' })
    await context.clearCookies()
    await row(page, 'one.txt').focus()
    await page.keyboard.press('c')
    await page.getByText('Your session has ended.').waitFor()
    await row(page, 'one.txt').waitFor()
    await look(page, 'session-over')

    const reader = await open(stage, 'ida', { write: false })
    await reader.page.getByText('is read-only for you').waitFor()
    expect(await reader.page.getByRole('button', { name: 'Upload', exact: true }).count()).toBe(0)
    await look(reader.page, 'read-only')
  })

  it('signs out', async () => {
    const { page } = await open(stage)
    await row(page, 'notes.txt').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect((await page.request.get(`${stage.cdn}/users/alice/notes.txt`)).status()).toBe(403)
  })
})

/** Opens the page as a user. `write: false` stands for a grant to read: the stage's own grants allow writing. */
async function open(stage: BrowserStage, sub = 'alice', rights = { write: true }) {
  const visitor = await stage.visit()
  await stage.signIn(visitor, sub)
  const { page } = visitor
  if (!rights.write) {
    await page.route('**/api/me', async (route) => {
      const answer = await route.fetch()
      const me = (await answer.json()) as { grants: object[] }
      await route.fulfill({ json: { ...me, grants: me.grants.map((grant) => ({ ...grant, access: 'read' })) } })
    })
  }
  await page.goto(stage.cdn + path)
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  return visitor
}

function row(page: Page, name: string) {
  return page.locator('[role=row][data-index]', { has: page.getByText(name, { exact: true }) })
}

async function choose(page: Page, files: Readonly<Record<string, string>>): Promise<void> {
  const chosen = Object.entries(files).map(([name, text]) => ({
    name,
    mimeType: 'text/plain',
    buffer: Buffer.from(text),
  }))
  await page.locator('input[type=file]').setInputFiles(chosen)
}
