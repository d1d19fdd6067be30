import { fault, pass, unknown } from '../../finding.ts'
import type { Check } from '../check.ts'
import { cookieDomain, cookieLifetime, cookiePath, cookieSameSite, cookieSecure } from './browser.ts'
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

/** All checks, in the order in which a request meets them. The first that fails is the reason for the refusal. */
export const checks: readonly Check[] = [
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
