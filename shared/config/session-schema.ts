import * as v from 'valibot'
import { httpsUrl, seconds } from './field-values.ts'
import { publicKeySet } from './key-set.ts'

/** JWS algorithms (RFC 7518 section 3.1, RFC 8037) that a session may be signed with. */
const sessionAlgorithms = [
  'HS256',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

/** RFC 6265 section 4.1.1. Cookies of ours under the same name would overwrite the session, and it them. */
const cookieName = v.pipe(
  v.string(),
  v.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be a cookie name'),
  v.check(
    (name) => !/^(edge-|cloudfront-)/i.test(name),
    'must not start with edge- or CloudFront-: those cookies are ours',
  ),
)

/** How the app's sessions are verified. */
export const sessionSchema = v.pipe(
  v.strictObject({
    /** Name of the app's session cookie. */
    cookieName: v.optional(cookieName, '__Host-session'),
    algorithms: v.pipe(v.array(v.picklist(sessionAlgorithms)), v.minLength(1, 'must name at least one algorithm')),
    /** Where the app's public keys are (RFC 7517). Not used with HS256. */
    jwksUrl: v.optional(v.nullable(httpsUrl), null),
    /** A key set built into the bundle: the first requests after a cold start need no fetch. */
    jwks: v.optional(v.nullable(publicKeySet), null),
    issuer: v.nullable(v.pipe(v.string(), v.minLength(1))),
    audience: v.nullable(v.pipe(v.string(), v.minLength(1))),
    /** Claims that must have exactly this value, e.g. Cognito's `token_use: 'access'`. */
    requiredClaims: v.optional(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])), {}),
    clockSkewSeconds: v.optional(seconds(0, 300), 60),
    /** Where a navigation without a session is sent, with `return` added; `null` shows a 401 page. */
    loginUrl: v.optional(
      v.nullable(v.pipe(v.string(), v.regex(/^(https:\/\/|\/(?![/\\]))/, 'must be an https:// URL or a local path'))),
      null,
    ),
  }),
  // HS256 beside a public-key algorithm is how key confusion starts (RFC 8725 section 2.1): the public key becomes the HMAC secret.
  v.check(
    (s) => !s.algorithms.includes('HS256') || s.algorithms.length === 1,
    'HS256 cannot be mixed with public-key algorithms',
  ),
  v.check(
    (s) => s.algorithms.includes('HS256') || s.jwksUrl !== null || s.jwks !== null,
    'public-key algorithms need jwksUrl or jwks',
  ),
)
