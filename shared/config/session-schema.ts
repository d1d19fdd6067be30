import * as v from 'valibot'
import { claimValue, claimValueName, fields, httpsUrl, oneOrMore, seconds } from './field-values.ts'
import { canVerify, sessionAlgorithms } from './session-algorithms.ts'

/** Members that hold a private or a shared key (RFC 7518 sections 6.2.2, 6.3.2 and 6.4; RFC 8037 section 2). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** One public key (RFC 7517 section 4). It ends up in a bundle that many people can read. */
const publicKey = v.pipe(
  v.record(v.string(), v.unknown()),
  v.check(
    (key) => secretsOf(key).length === 0,
    'must be a public key: take out the members d, p, q, dp, dq, qi, oth, k',
  ),
  v.check((key) => key.kty !== 'oct', 'must be a public key, and one with kty "oct" is a shared secret'),
)

/** A JWK set of public keys (RFC 7517 section 5). Its messages never hold a member's value. */
const publicKeySet = v.object({
  keys: v.pipe(v.array(publicKey), v.minLength(1, 'must hold at least one key')),
})

function secretsOf(key: Readonly<Record<string, unknown>>): string[] {
  return secretMembers.filter((name) => Object.hasOwn(key, name))
}

/** RFC 6265 section 4.1.1. Edge Signer cookies of the same name would overwrite the session, and the session them. */
const cookieName = v.pipe(
  v.string(),
  v.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be a cookie name'),
  v.check(
    (name) => !/^(edge-|cloudfront-)/i.test(name),
    'must not start with edge- or CloudFront-: those cookies are ours',
  ),
)

const text = v.pipe(v.string(), v.minLength(1, 'must not be empty'))

/** How the app's sessions are verified. */
export const sessionSchema = v.pipe(
  fields({
    /** Name of the app's session cookie. */
    cookieName: v.optional(cookieName, '__Host-session'),
    algorithms: v.pipe(v.array(v.picklist(sessionAlgorithms)), v.minLength(1, 'must name at least one algorithm')),
    /** URL of the app's public keys (RFC 7517). Not used with HS256. */
    jwksUrl: v.optional(v.nullable(httpsUrl), null),
    /** A key set built into the bundle: the first requests after a cold start need no fetch. */
    jwks: v.optional(v.nullable(publicKeySet), null),
    /** Accepted `iss`: one or several. */
    issuer: v.nullable(oneOrMore(text, 'a text')),
    /** Accepted `aud`: one or several. */
    audience: v.nullable(oneOrMore(text, 'a text')),
    /** Claims that must have exactly this value, or one of these, e.g. Cognito's `token_use: 'access'`. */
    requiredClaims: v.optional(v.record(v.string(), oneOrMore(claimValue, claimValueName)), {}),
    clockSkewSeconds: v.optional(seconds(0, 300), 60),
    /** Target of a navigation without a session, with `return` added; `null` shows a 401 page. */
    loginUrl: v.optional(
      v.nullable(v.pipe(v.string(), v.regex(/^(https:\/\/|\/(?![/\\]))/, 'must be an https:// URL or a local path'))),
      null,
    ),
  }),
  // HS256 beside a public-key algorithm is how key confusion starts (RFC 8725 section 2.1): the public key becomes the HMAC secret.
  v.forward(
    v.partialCheck(
      [['algorithms']],
      (s) => !s.algorithms.includes('HS256') || s.algorithms.length === 1,
      'HS256 cannot be mixed with public-key algorithms',
    ),
    ['algorithms'],
  ),
  v.partialCheck(
    [['algorithms'], ['jwksUrl'], ['jwks']],
    (s) => s.algorithms.includes('HS256') || s.jwksUrl !== null || s.jwks !== null,
    'public-key algorithms need jwksUrl or jwks',
  ),
  v.forward(
    v.partialCheck(
      [['algorithms'], ['jwks']],
      (s) => s.jwks === null || s.jwks.keys.some((key) => canVerify(key, s.algorithms)),
      'must hold a key that verifies one of the algorithms: kty, crv, alg, use and key_ops all have to fit',
    ),
    ['jwks'],
  ),
)
