import type { Check } from '../check.ts'
import { answer } from './answer.ts'
import { canonicalPath } from './canonical-path.ts'
import { cookieDomain } from './cookie-domain.ts'
import { cookieLifetime } from './cookie-lifetime.ts'
import { cookiePath } from './cookie-path.ts'
import { cookieSameSite } from './cookie-same-site.ts'
import { cookieSecure } from './cookie-secure.ts'
import { duplicates } from './duplicates.ts'
import { expiry } from './expiry.ts'
import { hashAlgorithm } from './hash-algorithm.ts'
import { ip } from './ip.ts'
import { keyKnown } from './key-known.ts'
import { keyPairId } from './key-pair-id.ts'
import { policyEncoding } from './policy-encoding.ts'
import { policyJson } from './policy-json.ts'
import { policyStatement } from './policy-statement.ts'
import { resource } from './resource.ts'
import { revocation } from './revocation.ts'
import { shadowing } from './shadowing.ts'
import { signature } from './signature.ts'
import { signatureEncoding } from './signature-encoding.ts'
import { start } from './start.ts'

/** Every check, in the order in which a request meets them. The first that fails is why it is refused. */
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
  answer,
]
