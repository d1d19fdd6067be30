import { timingSafeEqual } from 'node:crypto'
import { hmacSha256 } from '../crypto.ts'
import type { RequestCookies } from '../http/cookies.ts'
import { type CookieReach, cookieAttributes, setCookie } from '../http/set-cookie.ts'

/**
 * The cookie of a sign-out in `gate` mode. Cookies that were made up to its time count for nothing.
 *
 * Deletions alone cannot end everything. One response deletes a limited number of cookies, a browser may have dropped the list that
 * names some of them, and a renewal that was under way during the sign-out sets its cookies afterwards. Every one of those is older
 * than the marker.
 */
export const signOutMarkerName = 'edge-signed-out'

/** Seconds: the longest that a cookie lives in any stage (`cookies.ttlSeconds`). */
const maxCookieLife = 86_400

/** Seconds after a sign-out in which requests that were under way may still be answered with cookies. */
const underWay = 10

/** Seconds: the farthest that a marker is ahead, so that signing out over and over makes none that refuses everything to come. */
const maxAhead = 300

/** The stage's settings that a sign-out depends on: the reach is that of the cookies of grants. */
export interface SignOutSettings extends CookieReach {
  readonly clockSkewSeconds: number
}

/**
 * The line that marks a sign-out. Its time is a little ahead, for requests that are under way, but stays below `clockSkewSeconds`: the
 * policies of a sign-in right after it are dated past the marker, and must hold at once. For the same reason it is past that of the
 * marker before it.
 *
 * @param cookies those that the browser sent.
 */
export function signOutMarker(cookies: RequestCookies, stampKey: string, now: number, terms: SignOutSettings): string {
  const { clockSkewSeconds, domain, sameSite = 'Lax' } = terms
  const ahead = now + Math.min(underWay, clockSkewSeconds - 1)
  const until = Math.min(Math.max(ahead, issueTime(cookies, stampKey, 0)), now + maxAhead)
  const attributes = cookieAttributes({ path: '/', maxAge: maxCookieLife, domain, sameSite })
  return setCookie(signOutMarkerName, `${until}.${authenticate(until, stampKey)}`, attributes)
}

/**
 * The time up to which the browser's cookies count for nothing: the latest of its genuine markers, in epoch seconds; `undefined` without
 * one. A planted marker can be genuine only by being a copy, and a copy never refuses cookies that are newer than its sign-out.
 */
export function signedOutUntil(cookies: RequestCookies, stampKey: string): number | undefined {
  const times = (cookies.get(signOutMarkerName) ?? []).flatMap((value) => readMarker(value, stampKey))
  return times.length === 0 ? undefined : times.reduce((latest, time) => Math.max(latest, time))
}

/** The time that a policy made now is dated: now, and past the last sign-out of this browser. */
export function issueTime(cookies: RequestCookies, stampKey: string, now: number): number {
  return Math.max(now, (signedOutUntil(cookies, stampKey) ?? 0) + 1)
}

/** The time of a marker that nobody verified; `undefined` where it has not the shape of one. */
export function decodeUnverifiedMarker(value: string): number | undefined {
  const time = markerShape.exec(value)?.[1]
  return time === undefined ? undefined : Number(time)
}

function readMarker(value: string, stampKey: string): number[] {
  const [, time, mac] = markerShape.exec(value) ?? []
  if (time === undefined || mac === undefined) return []
  const expected = authenticate(Number(time), stampKey)
  return timingSafeEqual(Buffer.from(mac), Buffer.from(expected)) ? [Number(time)] : []
}

/** Epoch seconds, and 32 bytes in base64url. */
const markerShape = /^([1-9]\d{0,10})\.([\w-]{43})$/

/** `edge-signed-out||` keeps this use of the key apart from the stamps' and the lists'. */
function authenticate(time: number, stampKey: string): string {
  return hmacSha256(stampKey, `${signOutMarkerName}||${time}`)
}
