import * as v from 'valibot'
import { mostObjectBytes } from '../assets/limits.ts'
import { hostsOutsideCookieDomain } from './cookie-hosts.ts'
import { hostName, kmsKeyArn, origin, scope, seconds } from './field-values.ts'
import { grantTemplate } from './grant-template.ts'
import { sessionSchema } from './session-schema.ts'

/**
 * The one schema of a stage (`edge-signer.config.ts`). Everything else in the project receives a value that went through it.
 * A check is switched off only by an explicit `null` (never by leaving the field out).
 */

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
  v.check(
    (c) => hostsOutsideCookieDomain(c).length === 0,
    ({ input }) => `cookies.domain: must be ${hostsOutsideCookieDomain(input).join(' and ')} or a parent of it`,
  ),
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
