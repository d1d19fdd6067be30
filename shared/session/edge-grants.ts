import { createHmac, timingSafeEqual } from 'node:crypto'
import { stringifySetCookie } from 'cookie'
import { parseResourcePrefix, type ResourcePrefix } from '../grant/resource-prefix.ts'

/**
 * The `edge-grants` cookie: the prefixes that the last mint set cookies for, so that the next mint or the sign-out can expire
 * exactly those, whoever is signed in by then. Cookies carry no list of their own `Path`s.
 */
export const edgeGrantsName = 'edge-grants'

/** Only the `/_edge/` endpoints read it; on the private paths it would be weight on every Range request. */
const path = '/_edge/'

/** The value: `<base64url JSON array>.<base64url HMAC-SHA256>`. */
export function edgeGrantsValue(prefixes: readonly ResourcePrefix[], stampKey: string): string {
  const payload = Buffer.from(JSON.stringify(prefixes)).toString('base64url')
  return `${payload}.${authenticate(payload, stampKey).toString('base64url')}`
}

/**
 * Reads what the browser sent: at most `limit` prefixes. A value that is malformed or not ours is passed over: without the
 * HMAC whoever can plant a cookie (a sibling domain) could have us expire cookies of any path.
 */
export function readEdgeGrants(
  values: readonly string[] | undefined,
  stampKey: string,
  limit: number,
): readonly ResourcePrefix[] {
  if (values === undefined) return []
  // Two can be ours: with `Domain` and a host-only one from before. More are planted, and cost an HMAC each.
  const prefixes = values.slice(0, 4).flatMap((value) => readValue(value, stampKey))
  return [...new Set(prefixes)].slice(0, limit)
}

/** The lines that set it; host-only leftovers are deleted where the cookie has a `Domain`. */
export function edgeGrantsCookies(value: string, maxAge: number, domain: string | null): string[] {
  return [...(domain === null ? [] : [line('', 0, null)]), line(value, maxAge, domain)]
}

/** The lines that delete it. */
export function expiredEdgeGrants(domain: string | null): string[] {
  return edgeGrantsCookies('', 0, domain)
}

function line(value: string, maxAge: number, domain: string | null): string {
  return stringifySetCookie({
    name: edgeGrantsName,
    value,
    path,
    maxAge,
    ...(domain === null ? {} : { domain }),
    secure: true,
    httpOnly: true,
    sameSite: 'lax',
  })
}

function readValue(value: string, stampKey: string): ResourcePrefix[] {
  const dot = value.indexOf('.')
  if (dot < 0) return []
  const payload = value.slice(0, dot)
  const sent = Buffer.from(value.slice(dot + 1), 'base64url')
  const expected = authenticate(payload, stampKey)
  if (sent.length !== expected.length || !timingSafeEqual(sent, expected)) return []
  const prefixes: string[] = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return prefixes.map(parseResourcePrefix)
}

/** `edge-grants|` keeps this use of the key apart from the stamps'. */
function authenticate(payload: string, stampKey: string): Buffer {
  return createHmac('sha256', stampKey).update(`edge-grants|${payload}`).digest()
}
