import { afterAll, beforeAll, describe, expect } from 'vitest'
import { Browser } from '../support/browser.ts'
import { type Answer, type Send, send } from '../support/http-client.ts'
import { missingParts } from '../support/parts.ts'
import { secrets } from './content.ts'
import { differsInRefusalsOnly, type Setting } from './modes.ts'
import { type Abilities, plannedTargets, type Target, type TargetPlan, type User } from './target.ts'

/** The fixtures of every case. `target` can be read inside cases only: it starts before the first of them. */
export interface Suite {
  readonly setting: Setting
  readonly can: Abilities
  readonly target: Target
  /** One request without a jar. */
  send(options: Send | string): Promise<Answer>
  /** A browser without cookies. */
  browser(): Browser
  /** A browser that holds this app session and nothing else. */
  withSession(token: string): Promise<Browser>
  /** The cookies of a grant alone: the app session beside them opens private paths by itself in one of the modes. */
  grantCookies(browser: Browser, path: string): Promise<string>
  /** A browser that holds an app session and the cookies minted for it. */
  signedIn(sub: User): Promise<Browser>
  /** The same for a session with these claims; needs `can.sessions`. */
  signedInWith(sub: string, claims?: Readonly<Record<string, unknown>>): Promise<Browser>
}

/** How the cases of one title get their target. */
export interface SuiteOptions {
  /** A target that no other case has touched; by default all files share one, in which nothing may be revoked. */
  readonly own?: boolean
  /** The cases are about refusals, which `bootstrap` changes: they run in every setting. */
  readonly refusals?: boolean
}

const started: Promise<Target>[] = []
afterAll(async () => {
  // A target that did not start has already failed its cases.
  await Promise.all(
    started.map((target) =>
      target.then(
        (one) => one.stop(),
        () => {},
      ),
    ),
  )
})

/** Defines the same cases for every target. Without the parts that the emulation runs on, they are skipped by name. */
export function describeTargets(title: string, define: (suite: Suite) => void, options: SuiteOptions = {}): void {
  for (const plan of plannedTargets()) {
    if (plan.emulated && differsInRefusalsOnly(plan.setting) && options.refusals !== true) continue
    const missing = plan.emulated ? missingParts() : []
    const name = missing.length === 0 ? plan.name : `${plan.name}: needs ${missing.join(', ')}`
    describe.skipIf(missing.length > 0)(`${title} [${name}]`, () => {
      let target: Target | undefined
      beforeAll(async () => {
        target = await start(plan, options.own === true)
      })
      define(createSuite(plan.setting, plan.can, () => {
        if (target === undefined) throw new Error('the target is there inside cases only')
        return target
      }))
    })
  }
}

function start(plan: TargetPlan, own: boolean): Promise<Target> {
  const target = own ? plan.start() : plan.share()
  started.push(target)
  return target
}

function createSuite(setting: Setting, can: Abilities, target: () => Target): Suite {
  const browser = () => new Browser(target().baseUrl)
  const withSession = async (token: string) => {
    const own = browser()
    await own.keep(`${target().sessionCookie}=${token}; Path=/; HttpOnly; Secure; SameSite=Lax`)
    return own
  }
  const minted = async (token: string) => {
    const own = await withSession(token)
    const answer = await own.send('/_edge/session')
    expect(answer.status, 'the mint before the case').toBe(200)
    return own
  }
  return {
    setting,
    can,
    get target() {
      return target()
    },
    send: (options) => send(target().baseUrl, typeof options === 'string' ? { path: options } : options),
    browser,
    withSession,
    grantCookies: async (browser, path) => {
      const cookies = await browser.cookies(path)
      cookies.delete(target().sessionCookie)
      return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    },
    signedIn: async (sub) => minted(await target().login(sub)),
    signedInWith: async (sub, claims) => minted(sessionsOf(target()).session(sub, claims)),
  }
}

/** The session maker of a target that has one. */
export function sessionsOf(target: Target): NonNullable<Target['sessions']> {
  if (target.sessions === undefined) throw new Error('this case needs the session secret: guard it with can.sessions')
  return target.sessions
}

/** The trusted key of a target that has one. */
export function keyOf(target: Target): NonNullable<Target['key']> {
  if (target.key === undefined) throw new Error('this case needs the private key: guard it with can.key')
  return target.key
}

/** Fails where an answer shows any byte that belongs to somebody else. */
export function expectNoSecret(answer: { readonly body: Buffer } | { readonly bytes: Buffer }): void {
  const bytes = 'body' in answer ? answer.body : answer.bytes
  for (const secret of secrets) expect(bytes.includes(secret.trim()), 'a secret in the answer').toBe(false)
}

/** Fails unless this is an RFC 9457 problem with this status and code whose body echoes nothing of the request. */
export function expectProblem(answer: Answer, status: number, code: string): void {
  const seen = { status: answer.status, type: answer.headers['content-type'], code: problemCode(answer) }
  expect(seen).toEqual({ status, type: expect.stringMatching(/^application\/problem\+json/), code })
}

function problemCode(answer: Answer): unknown {
  try {
    const body: unknown = JSON.parse(answer.text)
    return typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined
  } catch {
    return `not JSON: ${answer.text.slice(0, 80)}`
  }
}

/** Epoch seconds of this machine's clock. */
export function epoch(): number {
  return Math.floor(Date.now() / 1000)
}
