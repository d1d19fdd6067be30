import { fault, pass, unknown } from '../../finding.ts'
import type { Check } from '../check.ts'
import type { PathKind } from '../path-kind.ts'
import { cookieDomain, cookieLifetime, cookiePath, cookieSameSite, cookieSecure, cookieStored } from './browser.ts'
import { policyEncoding, policyJson, signatureEncoding } from './encoding.ts'
import { canonicalPath, revocation, signOut } from './guard.ts'
import { expiry, ip, policyStatement, start } from './policy.ts'
import { resource } from './resource.ts'
import { duplicates, hashAlgorithm, keyKnown, keyPairId, shadowing, signature } from './signature.ts'

/** The author of the response, if one was given. `answeredBy` recognises it. */
const answer: Check = {
  name: 'answer',
  by: 'answer',
  run({ answer, answeredBy }) {
    if (answer === undefined) return unknown('give the response with --response-headers and --body')
    if (answeredBy === undefined) {
      return (answer.status ?? 0) >= 400
        ? fault(
            'answered-by-unknown',
            `the response is a ${answer.status}, and nothing in it identifies its author`,
            'Give its body, too. If this is another server, look at what is in front of CloudFront or the app behind it.',
          )
        : unknown('nothing in the response identifies its author')
    }
    const { by, cause, outcome, detail, remedy } = answeredBy
    return outcome === 'refused' ? fault(`answered-by-${cause ?? by}`, detail, remedy) : pass(detail)
  },
}

/** Path patterns are case-sensitive: `/Users/…` is served by the default behaviour. */
const pathCase: Check = {
  name: 'behaviour',
  by: 'behaviour',
  run({ request, pathKind, privatePaths, answeredBy }) {
    if (request === undefined) return unknown('the requested URL was not given')
    const lower = request.path.toLowerCase()
    const meant = privatePaths.find((prefix) => lower.startsWith(prefix.toLowerCase()))
    const isServed = answeredBy !== undefined && answeredBy.outcome !== 'refused'
    if (pathKind !== 'elsewhere' || meant === undefined || isServed) return pass(`the path is ${kinds[pathKind]}`)
    return fault(
      'path-case',
      `the path is in another case than ${meant}, and path patterns are case-sensitive`,
      `Request it below ${meant}. Build URLs from the prefixes that /_edge/session returns.`,
    )
  },
}

const kinds: Readonly<Record<PathKind, string>> = {
  private: 'private',
  public: 'public',
  session: 'that of the session function',
  api: 'that of the API',
  elsewhere: 'outside of every grant',
}

/** All checks, in the order in which a request meets them. The first that fails is the reason for the refusal. */
export const checks: readonly Check[] = [
  pathCase,
  cookieStored,
  cookieDomain,
  cookiePath,
  cookieSecure,
  cookieLifetime,
  cookieSameSite,
  shadowing,
  duplicates,
  keyPairId,
  policyEncoding,
  policyJson,
  policyStatement,
  signatureEncoding,
  keyKnown,
  hashAlgorithm,
  signature,
  expiry,
  start,
  resource,
  ip,
  canonicalPath,
  revocation,
  signOut,
  answer,
]
