import { createServer, type Server, type ServerResponse } from 'node:http'
import { stringifySetCookie } from 'cookie'
import { SignJWT } from 'jose'
import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { parseReturnAddress } from '../../shared/http/return-address.ts'

/** How the local stage knows its sessions. */
export interface DevLoginOptions {
  readonly cookieName: string
  readonly issuer: string | null
  readonly audience: string | null
  /** Read for each login, so that a rotated secret is used at once. */
  readonly sessionSecret: () => string
  readonly now: () => number
}

/** Where it is served. */
export const devLoginPath = '/dev/login'
const defaultTtl = 8 * 3600

/**
 * Stands in for the app's sign-in: `GET /dev/login?sub=alice` (and `team=red`, again for each team; `ttl=` seconds; `return=`)
 * sets a session cookie. Whoever reaches the emulation can be anybody, so it listens on this machine's own addresses only, and
 * neither a deployed stage nor the production server has it.
 */
export function createDevLogin(options: DevLoginOptions): Server {
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams
    login(query, options, response).catch((error: unknown) => {
      const told = error instanceof EdgeSignerError ? messageOf(error) : 'sub, team, ttl or return is not usable.'
      response.writeHead(400, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
      response.end(`${told}\n`)
    })
  })
}

async function login(query: URLSearchParams, options: DevLoginOptions, response: ServerResponse): Promise<void> {
  const back = query.get('return')
  const target = back === null ? undefined : parseReturnAddress(back, () => false)
  const sub = query.get('sub')
  response.setHeader('cache-control', 'no-store')
  if (sub === null || sub === '') return sendForm(response, target?.location)
  const token = await createDevSession(sub, options, query.getAll('team'), readTtl(query.get('ttl')))
  response.setHeader(
    'set-cookie',
    stringifySetCookie({ name: options.cookieName, value: token, path: '/', httpOnly: true, sameSite: 'lax' }),
  )
  if (target !== undefined) return void response.writeHead(303, { location: target.location }).end()
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('Signed in.\n')
}

/** A session token as the local app would make it. */
export function createDevSession(
  sub: string,
  options: DevLoginOptions,
  teams: readonly string[] = [],
  ttl = defaultTtl,
): Promise<string> {
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
  if (text === null) return defaultTtl
  if (!/^-?\d{1,7}$/.test(text)) throw new RangeError('ttl')
  return Number(text)
}

function sendForm(response: ServerResponse, back: string | undefined): void {
  const hidden = back === undefined ? '' : `<input type="hidden" name="return" value="${escapeHtml(back)}">`
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
  })
  response.end(
    [
      '<!doctype html><html lang="en"><meta charset="utf-8"><title>Local sign-in</title>',
      '<style>body{font:16px system-ui;max-width:30rem;margin:3rem auto}</style>',
      '<h1>Local sign-in</h1><p>Stands in for your app: sign in as anybody.</p>',
      `<form action="${devLoginPath}">${hidden}<label>User <input name="sub" value="alice" required></label> `,
      '<label>Team <input name="team" value="red"></label> <button>Sign in</button></form></html>',
    ].join(''),
  )
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
