import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import config from '../../../edge-signer.config.ts'
import { readKeyDocument } from '../../../local/state/state-files.ts'
import { type RunningStage, type StageOptions, startStage as startLocalStage } from '../../../server/start.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import type { KeyDocument } from '../../../shared/keys/key-document.ts'
import {
  closeChromium,
  missingChromium,
  openVisitor,
  type Visitor,
  type VisitorOptions,
} from '../../support/chromium.ts'
import { type PageServer, startPageServer } from '../../support/page-server.ts'
import { missingParts } from '../../support/parts.ts'
import { createSessionMaker } from '../../support/session-maker.ts'
import { writeBucket } from './content.ts'

/** A CDN and an app on this machine, and browsers that visit them. To be used inside cases only. */
export interface BrowserStage {
  /** Origin of the CDN. */
  readonly cdn: string
  readonly app: PageServer
  /** A browser with an empty profile; it is closed after the case. */
  visit(options?: VisitorOptions): Promise<Visitor>
  /** Signs in at the CDN's own `/dev/login`, as the app would: only the session cookie comes of it. `ttl` in seconds. */
  signIn(visitor: Visitor, sub: string, ttl?: number): Promise<void>
  /** The key document of the stage. */
  readonly keyDocument: KeyDocument
  /** A session token of 10 minutes, for tests that set the cookie themselves or send it as Bearer; `claims` override. */
  session(sub: string, claims?: Readonly<Record<string, unknown>>): string
  /** Puts a file into the bucket. */
  write(files: Readonly<Record<string, string | Buffer>>): void
}

/** How a stage is run. */
export interface BrowserStageOptions
  extends Pick<
    StageOptions,
    'enforcement' | 'bootstrap' | 'cookieDomain' | 'cookieSameSite' | 'allowedOrigins' | 'appIsolation'
  > {
  /** Host names of app and CDN; with names other than localhost, both have TLS. Default localhost, without TLS. */
  readonly hosts?: { readonly app: string; readonly cdn: string }
  /** Puts the app behind the CDN, at all other paths. Its pages have no headers of their own for isolation. */
  readonly appBehindCdn?: boolean
}

const { session } = parseDeployment(config, 'local').config

/** Defines cases on a stage of their own. Without the parts that they run on, they are skipped by name. */
export function describeInChromium(
  title: string,
  options: BrowserStageOptions,
  define: (stage: BrowserStage) => void,
): void {
  const missing = [...missingParts(), ...missingChromium()]
  const name = missing.length === 0 ? title : `${title} (needs ${missing.join(', ')})`
  describe.skipIf(missing.length > 0)(name, () => {
    const visitors: Visitor[] = []
    let directory = ''
    let content = ''
    let running: { emulation: RunningStage; app: PageServer; cdn: string } | undefined
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'edge-signer-browser-'))
      content = join(directory, 'content')
      mkdirSync(content)
      writeBucket(content)
      running = await startStage(options, directory, content)
    })
    afterEach(async () => {
      await Promise.all(visitors.splice(0).map((visitor) => visitor.close()))
    })
    afterAll(async () => {
      await closeChromium()
      await running?.app.stop()
      await running?.emulation.stop()
      if (directory !== '') rmSync(directory, { recursive: true, force: true })
    })
    const started = () => {
      if (running === undefined) throw new Error('the stage is there inside cases only')
      return running
    }
    define({
      get cdn() {
        return started().cdn
      },
      get app() {
        return started().app
      },
      visit: async (visitorOptions) => {
        const visitor = await openVisitor(visitorOptions)
        visitors.push(visitor)
        return visitor
      },
      signIn: async ({ context }, sub, ttl) => {
        const query = new URLSearchParams({ sub, ...(ttl === undefined ? {} : { ttl: String(ttl) }) })
        const page = await context.newPage()
        const response = await page.goto(`${started().cdn}/dev/login?${query}`)
        if (response?.status() !== 200) throw new Error(`/dev/login answered ${response?.status()}`)
        await page.close()
      },
      get keyDocument() {
        return readKeyDocument(started().emulation.state)
      },
      session: (sub, claims) => {
        const secret = readKeyDocument(started().emulation.state).sessionSecret
        if (secret === undefined) throw new Error('the stage local has a session secret')
        const issuer = { secret, issuer: String(session.issuer), audience: String(session.audience) }
        return createSessionMaker(issuer).session(sub, claims)
      },
      write: (files) => writeBucket(content, files),
    })
  })
}

async function startStage(options: BrowserStageOptions, directory: string, content: string) {
  const { hosts, appBehindCdn, ...emulationOptions } = options
  const stateDirectory = join(directory, 'state')
  const tls = hosts !== undefined
  if (appBehindCdn === true) {
    const app = await startPageServer({ host: '127.0.0.1', isolated: false })
    const behind = { ...emulationOptions, app: app.origin, port: 0, content, stateDirectory }
    const emulation = await startLocalStage(behind).catch(async (error: unknown) => {
      await app.stop()
      throw error
    })
    return { emulation, app, cdn: emulation.url }
  }
  const emulation = await startLocalStage({ ...emulationOptions, port: 0, content, stateDirectory, tls })
  try {
    const read = (name: string) => readFileSync(join(stateDirectory, name), 'utf8')
    const app = await startPageServer({
      host: hosts?.app ?? 'localhost',
      tls: tls ? { cert: read('tls.crt'), key: read('tls.key') } : undefined,
    })
    const cdn = hosts === undefined ? emulation.url : `https://${hosts.cdn}:${emulation.port}`
    return { emulation, app, cdn }
  } catch (error) {
    await emulation.stop()
    throw error
  }
}
