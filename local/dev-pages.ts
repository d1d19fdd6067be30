import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { stringifySetCookie } from 'cookie'
import { SignJWT } from 'jose'
import { firstOf } from '../shared/config/session-algorithms.ts'
import { EdgeSignerError, messageOf } from '../shared/errors.ts'
import { htmlPage } from '../shared/http/page.ts'
import { parseReturnAddress } from '../shared/session/return-address.ts'
import { socketBacklog } from './process/ports.ts'
import type { Stage } from './stage.ts'
import { readKeyDocument } from './state/state-files.ts'

/**
 * Development pages: the pages that the emulation serves beside the distribution. They let anybody become any user, so the emulation
 * listens on loopback addresses only, and neither a deployed stage nor the single server has them.
 *
 * - `/dev/` shows what to try.
 * - `/dev/login?sub=alice` stands in for the app's sign-in. `team=red` adds a team and may be repeated, `ttl` is in seconds, and
 *   `return` is the page to continue at.
 * - `/dev/stage` describes the running stage to programs such as `edge-signer doctor`.
 */
export const devPaths = { overview: '/dev/', login: '/dev/login', stage: '/dev/stage' } as const

/** Settings of the sessions that the stage accepts. */
interface LoginOptions {
  readonly cookieName: string
  readonly issuer: string | null
  readonly audience: string | null
  /** Called for each login, so that a rotated secret takes effect at once. */
  readonly sessionSecret: () => string
  readonly now: () => number
}

/** Description of a running stage, as `/dev/stage` responds with it. */
interface StageFacts {
  /** The process to end. */
  readonly process: number
  readonly enforcement: 'key-group' | 'gate'
}

/** Starts the server of the development pages. */
export async function startDevPages({ deployment, state, sockets }: Stage): Promise<Server> {
  const { session, enforcement } = deployment.config
  const login: LoginOptions = {
    cookieName: session.cookieName,
    issuer: firstOf(session.issuer),
    audience: firstOf(session.audience),
    sessionSecret: () => readKeyDocument(state).sessionSecret ?? '',
    now: () => Math.floor(Date.now() / 1000),
  }
  const server = createDevPages(login, { process: process.pid, enforcement })
  server.listen({ path: sockets.devPages, backlog: socketBacklog })
  await once(server, 'listening')
  return server
}

function createDevPages(options: LoginOptions, facts: StageFacts): Server {
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === devPaths.stage) return sendFacts(response, facts)
    if (pathname === devPaths.overview) return sendPage(response, overview)
    login(searchParams, options, response).catch((error: unknown) => {
      const reason = error instanceof EdgeSignerError ? messageOf(error) : 'sub, team, ttl or return is not usable.'
      response.writeHead(400, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
      response.end(`${reason}\n`)
    })
  })
}

async function login(query: URLSearchParams, options: LoginOptions, response: ServerResponse): Promise<void> {
  const back = query.get('return')
  const target = back === null ? undefined : parseReturnAddress(back, () => false)
  const sub = query.get('sub')
  response.setHeader('cache-control', 'no-store')
  if (sub === null || sub === '') return sendPage(response, loginForm(target?.location))
  const token = await createSession(sub, query.getAll('team'), readTtl(query.get('ttl')), options)
  response.setHeader(
    'set-cookie',
    stringifySetCookie({ name: options.cookieName, value: token, path: '/', httpOnly: true, sameSite: 'lax' }),
  )
  if (target !== undefined) return void response.writeHead(303, { location: target.location }).end()
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('Signed in.\n')
}

/** Creates a session token as the app would. */
function createSession(sub: string, teams: readonly string[], ttl: number, options: LoginOptions): Promise<string> {
  const now = options.now()
  const token = new SignJWT(teams.length === 0 ? {} : { team: teams.length === 1 ? teams[0] : teams })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(sub)
    .setIssuedAt(now)
    .setExpirationTime(now + ttl)
  if (options.issuer !== null) token.setIssuer(options.issuer)
  if (options.audience !== null) token.setAudience(options.audience)
  return token.sign(new TextEncoder().encode(options.sessionSecret()))
}

function readTtl(text: string | null): number {
  if (text === null) return 8 * 3600
  if (!/^-?\d{1,7}$/.test(text)) throw new RangeError('ttl')
  return Number(text)
}

function sendFacts(response: ServerResponse, facts: StageFacts): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(facts))
}

function sendPage(response: ServerResponse, html: string): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
  })
  response.end(html)
}

function loginForm(back: string | undefined): string {
  const hidden = back === undefined ? '' : `<input type="hidden" name="return" value="${escapeHtml(back)}">`
  return htmlPage(
    'Sign in',
    `<p>This page stands in for the sign-in of your app, on this machine only. Sign in as anybody.</p>
<form action="${devPaths.login}">${hidden}
<label>User <input name="sub" value="alice" required autocomplete="username" autofocus></label>
<label>Team <input name="team" value="red"></label>
<button>Sign in</button>
</form>`,
  )
}

const overview = htmlPage(
  'Edge Signer on this machine',
  `<ol>
<li><a href="${devPaths.login}?sub=alice&amp;return=${devPaths.overview}">Sign in as alice</a>, or <a href="${devPaths.login}">as anybody</a></li>
<li><a href="/_edge/session">Mint cookies</a></li>
<li><a href="/users/alice/notes.txt">Read a file of alice</a></li>
<li><a href="/users/bob/notes.txt">Be refused one of bob</a></li>
<li><a href="/_edge/session/end?return=/_edge/session">Sign out</a></li>
</ol>`,
)

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
