import * as v from 'valibot'
import { mostObjectBytes } from '../assets/limits.ts'

/**
 * The one schema of a stage (`edge-signer.config.ts`). Everything else in the project receives a value that went through it.
 * A check is switched off only by an explicit `null` (never by leaving the field out).
 */

/** JWS algorithms (RFC 7518 section 3.1, RFC 8037) that a session may be signed with. */
export const sessionAlgorithms = [
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

const httpsUrl = v.pipe(v.string(), v.url(), v.startsWith('https://', 'must be an https:// URL'))
const hostName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a lower-case host name without scheme, port or path'),
)
const origin = v.pipe(
  v.string(),
  v.regex(
    /^https?:\/\/[a-z0-9.-]+(:(\d+|\*))?$/,
    'must be an origin such as https://app.example.com or http://localhost:*',
  ),
)
const seconds = (least: number, most: number) =>
  v.pipe(
    v.number(),
    v.integer('must be whole seconds'),
    v.minValue(least, `must be at least ${least} seconds`),
    v.maxValue(most, `must be at most ${most} seconds`),
  )

/** RFC 6749 section 3.3. */
const scope = v.pipe(v.string(), v.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope'))

/** No alias: permissions are for keys, and an alias can be moved to another one. */
const kmsKeyArn = v.pipe(
  v.string(),
  v.regex(
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[a-z0-9-]+$/,
    'must be the ARN of a KMS key, such as arn:aws:kms:us-east-1:123456789012:key/1234abcd-…',
  ),
)

/** A grant template: path segments, each literal or one claim, ending in `/*`. */
const grantTemplate = v.pipe(
  v.string(),
  v.regex(
    /^\/[A-Za-z0-9._-]+(\/([A-Za-z0-9._-]+|\{(sub|claims\.[A-Za-z0-9_:.-]+)\}))+\/\*$/,
    'must look like /users/{sub}/* : a literal first segment, then literals, {sub} or {claims.name}, then /*',
  ),
  v.check((t) => !t.split('/').some((s) => s === '.' || s === '..'), 'must not hold dot segments'),
  v.check(
    (t) => !/^\/(_edge|_incoming|_state|api|public)\//.test(t),
    'must not start with a reserved segment: _edge, _incoming, _state, api, public',
  ),
)

const sessionSchema = v.pipe(
  v.strictObject({
    /** Name of the app's session cookie. */
    cookieName: v.optional(
      v.pipe(v.string(), v.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be a cookie name')),
      '__Host-session',
    ),
    algorithms: v.pipe(v.array(v.picklist(sessionAlgorithms)), v.minLength(1, 'must name at least one algorithm')),
    /** Where the app's public keys are (RFC 7517). Not used with HS256. */
    jwksUrl: v.optional(v.nullable(httpsUrl), null),
    /** A key set built into the bundle: the first requests after a cold start need no fetch. */
    jwks: v.optional(v.nullable(v.object({ keys: v.array(v.record(v.string(), v.unknown())) })), null),
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

export const stageConfigSchema = v.pipe(
  v.strictObject({
    /** Who verifies cookies on the private paths: CloudFront's trusted key group, or the session function itself. */
    enforcement: v.optional(v.picklist(['key-group', 'gate']), 'key-group'),
    /** How a navigation without cookies gets them in `key-group` mode. */
    bootstrap: v.optional(v.picklist(['error-page', 'none']), 'error-page'),
    session: sessionSchema,
    grants: v.pipe(v.array(grantTemplate), v.minLength(1, 'must hold at least one template')),
    cookies: v.optional(
      v.strictObject({
        ttlSeconds: v.optional(seconds(60, 86_400), 3600),
        /** `Domain` attribute, e.g. `example.com`; `null` keeps the cookies host-only. */
        domain: v.optional(v.nullable(hostName), null),
        /** Binds each policy to the viewer's IPv4 address. */
        ipBinding: v.optional(v.boolean(), false),
      }),
      {},
    ),
    /** The public name of the CDN; `null` means the distribution's own domain name or an alias, taken from the request. */
    cdnHost: v.optional(v.nullable(hostName), null),
    /** Further names of the distribution. */
    aliases: v.optional(v.array(hostName), []),
    /** ACM certificate in us-east-1 for `cdnHost` and `aliases`. */
    certificateArn: v.optional(
      v.nullable(
        v.pipe(
          v.string(),
          v.regex(/^arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate\//, 'must be an ACM certificate ARN in us-east-1'),
        ),
      ),
      null,
    ),
    /** The app's own origin (host name) for every path that is not ours; `null` answers 404. */
    appOrigin: v.optional(v.nullable(hostName), null),
    /** Origins that may read with credentials and change state. A port may be `*`. */
    allowedOrigins: v.optional(v.array(origin), []),
    corp: v.optional(v.picklist(['same-origin', 'same-site', 'cross-origin']), 'same-site'),
    /** Prefixes below which a GET must carry a Range header. */
    rangeOnly: v.optional(
      v.array(v.pipe(v.string(), v.regex(/^\/[^*?]*\/$/, 'must be a prefix such as /users/ '))),
      [],
    ),
    /** What a browser may keep of private files: `no-cache`, or a time in seconds. */
    browserCache: v.optional(v.union([v.literal('no-cache'), seconds(1, 86_400)]), 'no-cache'),
    signOut: v.optional(v.strictObject({ endSession: v.optional(v.boolean(), true) }), {}),
    keys: v.optional(
      v.strictObject({
        /** Of the keys that the stage makes and rotates itself. */
        algorithm: v.optional(v.picklist(['ES256', 'RS256', 'RS1']), 'ES256'),
        /** KMS keys that the functions may sign with; the key document says which of them is in use. None without it. */
        kmsKeys: v.optional(v.pipe(v.array(kmsKeyArn), v.maxLength(4, 'must hold at most 4 keys')), []),
      }),
      {},
    ),
    /** An existing bucket; `null` makes one named `<service>-<stage>-<account id>`. */
    bucket: v.optional(
      v.nullable(
        v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, 'must be a bucket name without dots')),
      ),
      null,
    ),
    bucketRegion: v.optional(
      v.pipe(v.string(), v.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a Region such as eu-west-1')),
      'us-east-1',
    ),
    /** Prefix of every object key in the bucket, such as `assets/`; URLs do not show it (it is the origin's path). */
    keyPrefix: v.optional(
      v.pipe(
        v.string(),
        v.maxLength(200, 'must have at most 200 characters'),
        v.regex(
          /^([A-Za-z0-9_-][A-Za-z0-9._-]*\/)*$/,
          'must be empty, or segments that each end in /, such as assets/',
        ),
      ),
      '',
    ),
    uploads: v.optional(
      v.strictObject({
        /** The largest file, in bytes; at most what S3 can assemble from 10,000 parts (48.8 TiB). */
        maxBytes: v.optional(
          v.pipe(
            v.number(),
            v.integer(),
            v.minValue(1),
            v.maxValue(mostObjectBytes, `must be at most ${mostObjectBytes}`),
          ),
          5 * 1024 ** 4,
        ),
        /** What all files below one granted prefix may add up to, in bytes; `null` for no limit. */
        quotaBytes: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))), null),
        /** How long the URLs of a ticket are good for. A multipart upload may go on for a week. */
        ticketSeconds: v.optional(seconds(60, 43_200), 3600),
        /** The value of the session's `scope` (or `permissions`) claim that may write below `public/`. */
        publicScope: v.optional(scope, 'assets:public'),
      }),
      {},
    ),
    downloads: v.optional(
      v.strictObject({
        /** `signed`: CloudFront signed URLs; `plain`: CloudFront URLs without a signature; `presigned`: S3's own. */
        urls: v.optional(v.picklist(['signed', 'plain', 'presigned']), 'signed'),
        ttlSeconds: v.optional(seconds(1, 86_400), 3600),
        /** Whether a download falls back to S3's own URL while CloudFront signing fails. Such a URL evades revocation. */
        fallbackToS3: v.optional(v.boolean(), false),
      }),
      {},
    ),
    /** The value of the session's `scope` (or `permissions`) claim that may use `/api/admin`. */
    adminScope: v.optional(scope, 'edge-signer:admin'),
    operations: v.optional(
      v.strictObject({
        /** Days that access logs are kept; `null` writes none. */
        accessLogDays: v.optional(
          v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1, 'must be at least 1 day'), v.maxValue(3650))),
          90,
        ),
        /** Where alarms go by e-mail; `null` leaves the topic without a subscription. */
        alarmEmail: v.optional(v.nullable(v.pipe(v.string(), v.email('must be an e-mail address'))), null),
      }),
      {},
    ),
    /** Leaves the distribution out; outputs what an existing one needs. */
    attach: v.optional(v.boolean(), false),
  }),
  v.check((c) => c.grants.length <= 8, 'grants: at most 8 templates'),
  v.check((c) => c.cookies.domain === null || c.grants.length <= 4, 'grants: at most 4 templates with cookies.domain'),
  v.check((c) => new Set(c.grants).size === c.grants.length, 'grants: a template is listed twice'),
  v.check(
    (c) => (c.cdnHost === null && c.aliases.length === 0) || c.certificateArn !== null || c.attach,
    'certificateArn: cdnHost and aliases need a certificate',
  ),
  v.check(
    (c) => c.bucketRegion === 'us-east-1' || c.bucket !== null,
    'bucketRegion: only an existing bucket can be in another Region',
  ),
)

/** One stage as written. */
export type StageConfigInput = v.InferInput<typeof stageConfigSchema>
/** One stage after parsing: every default filled in. */
export type StageConfig = v.InferOutput<typeof stageConfigSchema>
