import { createHash, timingSafeEqual } from 'node:crypto'
import { parseResourcePrefix, type ResourcePrefix } from '../grant/resource-prefix.ts'
import type { RequestCookies } from '../http/cookies.ts'
import { cookieAttributes, setCookie } from '../http/set-cookie.ts'
import { hmacSha256 } from '../keys/hmac-sha256.ts'

/**
 * The `edge-grants` cookie: the prefixes that the last mint set cookies for, so that the next mint or the sign-out can expire
 * exactly those, whoever is signed in by then. Cookies carry no list of their own `Path`s.
 */
const edgeGrantsName = 'edge-grants'

/** Only the `/_edge/` endpoints read it; on the private paths it would be weight on every Range request. */
const path = '/_edge/'

/**
 * The value: `<prefix>|<prefix>|….<base64url HMAC-SHA256>`. A prefix writes `|` as `%7C`. As they are, because eight of the longest
 * must fit the 4,096 bytes that a browser gives to one cookie (RFC 6265 section 6.1): a list that it drops is never deleted by.
 */
export function edgeGrantsValue(prefixes: readonly ResourcePrefix[], stampKey: string): string {
  const payload = prefixes.join('|')
  return `${payload}.${authenticate(payload, stampKey)}`
}

/** What earlier mints and renewals left behind in a browser. */
export interface FormerGrants {
  /** Prefixes that it may hold cookies of. */
  readonly prefixes: readonly ResourcePrefix[]
  /** Names of the cookies of renewals that were read: once their prefixes are dealt with, they can go. */
  readonly renewals: readonly string[]
}

/** One request is no place for more; the rest is still there at the next. */
const mostRenewals = 3

/**
 * Reads what the browser sent: at most `limit` prefixes. A value that is malformed or not ours is passed over: without the
 * HMAC whoever can plant a cookie (a sibling domain) could have us expire cookies of any path.
 */
export function readFormerGrants(cookies: RequestCookies, stampKey: string, limit: number): FormerGrants {
  const prefixes = new Set(readEdgeGrants(cookies.get(edgeGrantsName), stampKey, limit))
  const renewals: string[] = []
  for (const name of [...cookies.keys()].filter(isRenewal).slice(0, mostRenewals)) {
    const read = readEdgeGrants(cookies.get(name), stampKey, limit)
    // Whole or not at all: a cookie is deleted with everything in it.
    if (new Set([...prefixes, ...read]).size > limit) continue
    for (const prefix of read) prefixes.add(prefix)
    renewals.push(name)
  }
  return { prefixes: [...prefixes], renewals }
}

/** Whether the browser has a list of grants at all. */
export function hasFormerGrants(cookies: RequestCookies): boolean {
  return cookies.has(edgeGrantsName) || [...cookies.keys()].some(isRenewal)
}

function readEdgeGrants(values: readonly string[] | undefined, stampKey: string, limit: number): ResourcePrefix[] {
  if (values === undefined) return []
  // Two can be ours: with `Domain` and a host-only one from before. More are planted, and cost an HMAC each.
  const prefixes = values.slice(0, 4).flatMap((value) => readValue(value, stampKey))
  return [...new Set(prefixes)].slice(0, limit)
}

/**
 * The line of a renewal on a private path. The browser does not send `edge-grants` there, so that cookie cannot be added to,
 * and setting it anew would forget whose cookies are still there. So each set of grants gets a cookie of its own.
 */
export function renewedGrantsCookie(value: string, maxAge: number, domain: string | null): string {
  return line(
    `${renewalPrefix}${createHash('sha256').update(value).digest('base64url').slice(0, 8)}`,
    value,
    maxAge,
    domain,
  )
}

/** The lines that delete the cookies of renewals. */
export function expiredRenewals(names: readonly string[], domain: string | null): string[] {
  return names.map((name) => line(name, '', 0, domain))
}

const renewalPrefix = `${edgeGrantsName}-`

/** A viewer names the cookies; what is deleted must be a name that we could have set. */
function isRenewal(name: string): boolean {
  return /^edge-grants-[\w-]{8}$/.test(name)
}

/** The lines that set it; host-only leftovers are deleted where the cookie has a `Domain`. */
export function edgeGrantsCookies(value: string, maxAge: number, domain: string | null): string[] {
  return [...(domain === null ? [] : [line(edgeGrantsName, '', 0, null)]), line(edgeGrantsName, value, maxAge, domain)]
}

/** The lines that delete it. */
export function expiredEdgeGrants(domain: string | null): string[] {
  return edgeGrantsCookies('', 0, domain)
}

function line(name: string, value: string, maxAge: number, domain: string | null): string {
  return setCookie(name, value, cookieAttributes({ path, maxAge, domain }))
}

function readValue(value: string, stampKey: string): ResourcePrefix[] {
  const dot = value.lastIndexOf('.')
  if (dot < 0) return []
  const payload = value.slice(0, dot)
  const sent = Buffer.from(value.slice(dot + 1), 'base64url')
  const expected = Buffer.from(authenticate(payload, stampKey), 'base64url')
  if (sent.length !== expected.length || !timingSafeEqual(sent, expected)) return []
  return payload.split('|').map(parseResourcePrefix)
}

/** `edge-grants||` keeps this use of the key apart from the stamps', whose texts have a prefix after the first `|`. */
function authenticate(payload: string, stampKey: string): string {
  return hmacSha256(stampKey, `edge-grants||${payload}`)
}
