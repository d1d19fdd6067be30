import { createHash, timingSafeEqual } from 'node:crypto'
import { hmacSha256 } from '../crypto.ts'
import type { RequestCookies } from '../http/cookies.ts'
import { type CookieReach, cookieAttributes, setCookie } from '../http/set-cookie.ts'
import { parseResourcePrefix, type ResourcePrefix } from './resource-prefix.ts'

/**
 * The `edge-grants` cookie: the prefixes that the last mint set cookies for, so that the next mint or the sign-out can expire
 * exactly those, whichever user is signed in by then. Cookies carry no list of their own `Path`s.
 */
const edgeGrantsName = 'edge-grants'

/** Only the `/_edge/` endpoints read it; on the private paths it would be weight on every Range request. */
const path = '/_edge/'

/**
 * The value: `<prefix>|<prefix>|….<base64url HMAC-SHA256>`. A prefix writes `|` as `%7C`. As they are, because eight of the
 * longest must fit the 4,096 bytes that a browser gives to one cookie (RFC 6265 section 6.1): a list that it drops is never
 * deleted by.
 */
export function edgeGrantsValue(prefixes: readonly ResourcePrefix[], stampKey: string): string {
  const payload = prefixes.join('|')
  return `${payload}.${authenticate(payload, stampKey)}`
}

/** The grants that a browser may hold cookies of, as its lists say. */
export interface FormerGrants {
  /** The prefixes of the last mint. */
  readonly minted: readonly ResourcePrefix[]
  /** The cookies of renewals, each with its prefixes. A list is deleted once its prefixes are. */
  readonly renewals: readonly RenewedGrants[]
}

/** One cookie of a renewal. */
export interface RenewedGrants {
  readonly name: string
  readonly prefixes: readonly ResourcePrefix[]
}

/** The lists of a browser without any. */
export const noFormerGrants: FormerGrants = { minted: [], renewals: [] }

/**
 * Two lists of one name can be genuine: one with `Domain`, and a host-only one from before the stage had a domain. Each names
 * at most eight prefixes. The bound keeps the deletions of one list within one response, whatever a sibling domain plants.
 */
const maxPrefixesOfName = 16

/**
 * Reads every list that the browser sent. A value that is malformed or has another HMAC is passed over: otherwise anyone who
 * can plant a cookie (a sibling domain) could have us expire cookies of any path. A value costs an HMAC only where it has the
 * shape of one, so the work is linear in the length of the `Cookie` header.
 */
export function readFormerGrants(cookies: RequestCookies, stampKey: string): FormerGrants {
  const renewals: RenewedGrants[] = []
  for (const [name, values] of cookies) {
    if (!isRenewal(name)) continue
    // The name is made from the value, so that planted copies of one list cannot multiply.
    const own = values.filter((value) => renewalName(value) === name)
    const prefixes = readLists(own.slice(0, 1), stampKey)
    if (prefixes.length > 0) renewals.push({ name, prefixes })
  }
  return { minted: readLists(cookies.get(edgeGrantsName) ?? [], stampKey), renewals }
}

/** Every prefix of the lists, once. */
export function prefixesOfFormer({ minted, renewals }: FormerGrants): ResourcePrefix[] {
  return [...new Set([...minted, ...renewals.flatMap(({ prefixes }) => prefixes)])]
}

/** Returns true if the browser has a list of grants at all. */
export function hasFormerGrants(cookies: RequestCookies): boolean {
  return cookies.has(edgeGrantsName) || [...cookies.keys()].some(isRenewal)
}

function readLists(values: readonly string[], stampKey: string): ResourcePrefix[] {
  const prefixes = values.flatMap((value) => readValue(value, stampKey))
  return [...new Set(prefixes)].slice(0, maxPrefixesOfName)
}

/**
 * The line of a renewal on a private path. The browser does not send `edge-grants` there, so that cookie cannot be added to,
 * and replacing it would forget which cookies are still there. So each set of grants gets a cookie of its own.
 */
export function renewedGrantsCookie(value: string, maxAge: number, reach: CookieReach): string {
  return line(renewalName(value), value, maxAge, reach)
}

/** The lines that delete the cookies of renewals. */
export function expiredRenewals(names: readonly string[], reach: CookieReach): string[] {
  return names.map((name) => line(name, '', 0, reach))
}

function renewalName(value: string): string {
  return `${edgeGrantsName}-${createHash('sha256').update(value).digest('base64url').slice(0, 8)}`
}

/** A viewer names the cookies; what is deleted must be a name that we could have set. */
function isRenewal(name: string): boolean {
  return /^edge-grants-[\w-]{8}$/.test(name)
}

/** The lines that set it; host-only leftovers are deleted where the cookie has a `Domain`. */
export function edgeGrantsCookies(value: string, maxAge: number, reach: CookieReach): string[] {
  const leftovers = reach.domain === null ? [] : [line(edgeGrantsName, '', 0, { ...reach, domain: null })]
  return [...leftovers, line(edgeGrantsName, value, maxAge, reach)]
}

/** The lines that delete it. */
export function expiredEdgeGrants(reach: CookieReach): string[] {
  return edgeGrantsCookies('', 0, reach)
}

function line(name: string, value: string, maxAge: number, reach: CookieReach): string {
  return setCookie(name, value, cookieAttributes({ ...reach, path, maxAge }))
}

function readValue(value: string, stampKey: string): ResourcePrefix[] {
  const dot = value.lastIndexOf('.')
  const mac = value.slice(dot + 1)
  if (dot < 0 || !macShape.test(mac)) return []
  const payload = value.slice(0, dot)
  if (!timingSafeEqual(Buffer.from(mac), Buffer.from(authenticate(payload, stampKey)))) return []
  return payload.split('|').map(parseResourcePrefix)
}

/** 32 bytes in base64url. */
const macShape = /^[\w-]{43}$/

/** `edge-grants||` keeps this use of the key apart from the stamps', whose texts have a prefix after the first `|`. */
function authenticate(payload: string, stampKey: string): string {
  return hmacSha256(stampKey, `edge-grants||${payload}`)
}
