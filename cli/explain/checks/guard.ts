import { stampCookieName } from '../../../shared/cloudfront/signing-fields.ts'
import { readCookies } from '../../../shared/http/cookies.ts'
import { isCanonicalPath } from '../../../shared/read/canonical-path.ts'
import { canonicalAddress, checkRead } from '../../../shared/read/check-read.ts'
import { enclosingPrefixes, isStampNewer } from '../../../shared/revocation/key-value.ts'
import { verifyStamp } from '../../../shared/revocation/stamp.ts'
import { decodeUnverifiedMarker, signedOutUntil, signOutMarkerName } from '../../../shared/session/sign-out-marker.ts'
import { type Fault, fault, pass, unknown } from '../../finding.ts'
import { showTime } from '../../input/time.ts'
import { showUrl } from '../../redact.ts'
import type { Check, CheckFinding } from '../check.ts'
import type { ParsedInput } from '../input.ts'

/** The guard accepts one spelling of each path, so that signature, behaviour and object key mean the same file. */
export const canonicalPath: Check = {
  name: 'canonical-path',
  by: 'guard',
  run({ request, prefixDepths }) {
    if (request === undefined) return unknown('the requested URL was not given')
    if (isCanonicalPath(request.path)) {
      const checked = checkRead(
        { method: 'HEAD', path: request.path, range: undefined, destination: undefined },
        { depths: prefixDepths, rangeOnly: null },
      )
      if (checked !== 'ERR_PATH_RESERVED') return pass('the path is in its canonical spelling')
      return reservedFault(canonicalAddress(request.path, { depths: prefixDepths }))
    }
    return fault(
      'path-not-canonical',
      'the path has dot segments, an empty segment, lower-case or needless percent-encoding, or an encoded / or \\',
      'Send the path as encodeURIComponent writes each segment, joined with single slashes.',
    )
  },
}

/** @param address the address under which the path is served, if it is known. */
export function reservedFault(address: string | undefined): Fault {
  return fault(
    'path-reserved',
    'a name in the prefix has a reserved character that is not percent-encoded',
    address === undefined
      ? 'Encode each name as encodeURIComponent does: + is %2B. It is not encoded for you, as + may also mean a space.'
      : `Request ${showUrl(address)}. Build URLs from the prefixes that /_edge/session returns.`,
  )
}

/** Max depth of prefixes that are looked up: deeper than any grant template. */
export const maxPrefixDepth = 32

/** Passes if no enclosing prefix is revoked, or the `edge-issued` stamp proves that the cookies are newer than the revocation. */
export const revocation: Check = {
  name: 'revocation',
  by: 'guard',
  run(input) {
    const { request, revocations } = input
    if (request === undefined) return unknown('the requested URL was not given')
    if (revocations === undefined) return unknown('give the revocation state with --revocations or --local')
    const prefixes = enclosingPrefixes(request.path, maxPrefixDepth)
    const revoked = prefixes.filter((prefix) => revocations(prefix) !== undefined)
    if (revoked.length === 0) return pass('no prefix of the path is revoked')
    const before = Math.max(...revoked.map((prefix) => revocations(prefix) ?? 0))
    return judgeStamp(input, prefixes, `${revoked.join(', ')} was revoked up to ${showTime(before)}`, before)
  },
}

function judgeStamp(input: ParsedInput, prefixes: readonly string[], what: string, before: number): CheckFinding {
  const { fields, now, request, sentCookies, stampKey } = input
  const signInAgain = 'To give access again, sign in and request /_edge/session for new cookies.'
  if (fields.source === 'url') {
    return fault('revoked-signed-url', `${what}; signed URLs are refused there, as they have no stamp`, signInAgain)
  }
  const stamps = readCookies(sentCookies).get(stampCookieName) ?? []
  if (stamps.length === 0)
    return fault('revoked-stamp-missing', `${what}, and the cookie ${stampCookieName} is missing`, signInAgain)
  if (stampKey === undefined) {
    const newest = Math.max(...stamps.map((stamp) => Number.parseInt(stamp, 10) || 0))
    return isStampNewer(newest, before, now)
      ? unknown(`${what}; the stamp claims to be newer, and only the stamp key of the key document can verify that`)
      : fault('revoked', `${what}; the cookies are from ${showTime(newest)}`, signInAgain)
  }
  const epochs = stamps
    .flatMap((stamp) => prefixes.map((prefix) => verifyStamp(stampKey, request?.host ?? '', prefix, stamp)))
    .filter((epoch) => epoch !== undefined)
  if (epochs.length === 0) {
    return fault('revoked-stamp-invalid', `${what}, and the stamp is not valid for this host and prefix`, signInAgain)
  }
  const newest = Math.max(...epochs)
  return isStampNewer(newest, before, now)
    ? pass(`${what}; the cookies are newer`)
    : fault('revoked', `${what}; the cookies are from ${showTime(newest)}`, signInAgain)
}

/** Default `clockSkewSeconds` of a stage: `DateGreaterThan` of a minted policy is this long before the mint. */
const clockSkew = 60

/**
 * Passes if the cookies were minted after the last sign-out of the browser. Only the session function of `gate` mode sets and
 * reads the marker cookie of a sign-out.
 */
export const signOut: Check = {
  name: 'sign-out',
  by: 'guard',
  run({ fields, policy, sentCookies, stampKey }) {
    const cookies = readCookies(sentCookies)
    const markers = cookies.get(signOutMarkerName) ?? []
    const until =
      stampKey === undefined
        ? markers.map(decodeUnverifiedMarker).reduce(later, undefined)
        : signedOutUntil(cookies, stampKey)
    if (fields.source === 'url' || until === undefined) return pass('no sign-out ended the cookies')
    const notBefore = policy?.notBefore
    if (notBefore === undefined) return unknown('the policy does not say when it was made')
    const made = notBefore + clockSkew
    if (made > until) return pass(`the cookies are from ${showTime(made)}, after the last sign-out`)
    return fault(
      'signed-out',
      `the browser signed out up to ${showTime(until)}, and the cookies are from ${showTime(made)}`,
      'Sign in again. If the stage is not in gate mode, the marker of the sign-out has no effect.',
    )
  },
}

function later(latest: number | undefined, time: number | undefined): number | undefined {
  return latest === undefined || (time !== undefined && time > latest) ? time : latest
}
