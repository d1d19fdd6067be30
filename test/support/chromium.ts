import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Request,
} from 'playwright-core'
import { findChromium } from './find-chromium.ts'
import { findPart } from './part.ts'

const browserProgram = await findPart('Chromium', () => findChromium())

/** Names of programs that this machine lacks, for the name of a skipped test. */
export function missingChromium(): readonly string[] {
  return browserProgram.missing()
}

/** A person's browser: a profile of its own, and everything that it asked for. */
export interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  /** Requests in order, redirects one by one, without preflights. */
  readonly requests: Request[]
  close(): Promise<void>
}

/** How a browser is set up. */
export interface VisitorOptions {
  /** The setting "Block third-party cookies"; `false` switches it off for certain, and only `SameSite` is at work. */
  readonly blockThirdPartyCookies?: boolean
  /** The setting "Block all cookies", which takes the page's storage too. */
  readonly blockCookies?: boolean
  readonly withoutScripts?: boolean
}

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  // Test names lie on this machine, and nothing else is ever asked for.
  '--host-resolver-rules=MAP *.example.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
]

/**
 * Opens a browser that knows nothing yet: an off-the-record profile in a process that visitors share, or, where a setting is
 * asked for, a profile and a process of its own. Certificates are not checked: those of the tests are made here.
 */
export async function openVisitor(options: VisitorOptions = {}): Promise<Visitor> {
  const { withoutScripts = false, ...settings } = options
  const how = { ignoreHTTPSErrors: true, javaScriptEnabled: !withoutScripts }
  const { context, close } = Object.keys(settings).length === 0 ? await openShared(how) : await openOwn(settings, how)
  const requests: Request[] = []
  context.on('request', (request) => void requests.push(request))
  const page = context.pages()[0] ?? (await context.newPage())
  return { context, page, requests, close }
}

/** Ends the process that visitors share. */
export async function closeChromium(): Promise<void> {
  const browser = shared
  shared = undefined
  await (await browser)?.close()
}

let shared: Promise<Browser> | undefined

async function openShared(how: BrowserContextOptions) {
  shared ??= chromium.launch({ executablePath: browserProgram.require(), headless: true, args: flags })
  const context = await (await shared).newContext(how)
  return { context, close: () => context.close() }
}

async function openOwn(settings: VisitorOptions, how: BrowserContextOptions) {
  const profile = mkdtempSync(join(tmpdir(), 'edge-signer-profile-'))
  writePreferences(profile, settings)
  const start = { executablePath: browserProgram.require(), headless: true, args: flags }
  const context = await chromium.launchPersistentContext(profile, { ...start, ...how })
  const close = async () => {
    await context.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  return { context, close }
}

/** Names and numbers of components/content_settings: `CookieControlsMode` and `ContentSetting`. */
function writePreferences(profile: string, options: VisitorOptions): void {
  mkdirSync(join(profile, 'Default'))
  const preferences = {
    cookie_controls_mode: options.blockThirdPartyCookies === true ? 1 : 0,
    ...(options.blockCookies === true ? { default_content_setting_values: { cookies: 2 } } : {}),
  }
  writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify({ profile: preferences }))
}
