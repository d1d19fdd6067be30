import { stampCookieName } from '../../../shared/cloudfront/cookies.ts'
import { readCookies } from '../../../shared/http/cookies.ts'
import { enclosingPrefixes, isStampNewer } from '../../../shared/revocation/key-value.ts'
import { verifyStamp } from '../../../shared/revocation/stamp.ts'
import { showTime } from '../../input/time.ts'
import { type Check, type Finding, fail, pass, unknown } from '../check.ts'
import type { Subject } from '../subject.ts'

/** Deeper than any grant template. */
export const deepestPrefix = 32

/** No prefix around the path is revoked, or the cookies were minted after that: their `edge-issued` stamp says when. */
export const revocation: Check = {
  name: 'revocation',
  by: 'guard',
  run(subject) {
    const { request, revocations } = subject
    if (request === undefined) return unknown('the requested URL was not given')
    if (revocations === undefined) return unknown('give the revocation state with --revocations or --local')
    const prefixes = enclosingPrefixes(request.path, deepestPrefix)
    const revoked = prefixes.filter((prefix) => revocations(prefix) !== undefined)
    if (revoked.length === 0) return pass('no prefix around the path is revoked')
    const before = Math.max(...revoked.map((prefix) => revocations(prefix) ?? 0))
    return judgeStamp(subject, prefixes, `${revoked.join(', ')} was revoked up to ${showTime(before)}`, before)
  },
}

function judgeStamp(subject: Subject, prefixes: readonly string[], what: string, before: number): Finding {
  const { fields, request, sentCookies, stampKey } = subject
  const again = 'If access should be given again, sign in and ask /_edge/session for new cookies.'
  if (fields.source === 'url') {
    return fail('revoked-signed-url', `${what}; signed URLs are refused there, as they have no stamp`, again)
  }
  const stamps = readCookies(sentCookies).get(stampCookieName) ?? []
  if (stamps.length === 0)
    return fail('revoked-stamp-missing', `${what}, and the cookie ${stampCookieName} is missing`, again)
  if (stampKey === undefined) {
    const newest = Math.max(...stamps.map((stamp) => Number.parseInt(stamp, 10) || 0))
    return isStampNewer(newest, before)
      ? unknown(`${what}; the stamp says it is newer, which only the stamp key of the key document can prove`)
      : fail('revoked', `${what}; the cookies are from ${showTime(newest)}`, again)
  }
  const epochs = stamps
    .flatMap((stamp) => prefixes.map((prefix) => verifyStamp(stampKey, request?.host ?? '', prefix, stamp)))
    .filter((epoch) => epoch !== undefined)
  if (epochs.length === 0) {
    return fail('revoked-stamp-invalid', `${what}, and the stamp was not made for this host and prefix`, again)
  }
  const newest = Math.max(...epochs)
  return isStampNewer(newest, before)
    ? pass(`${what}; the cookies are newer`)
    : fail('revoked', `${what}; the cookies are from ${showTime(newest)}`, again)
}
