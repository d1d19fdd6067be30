import * as v from 'valibot'
import { maxObjectBytes } from '../assets/limits.ts'
import { maxGrants } from '../grant/grants-for.ts'
import type { GrantTemplate } from '../grant/template.ts'
import { isOpenToAll } from '../http/message.ts'
import { cdnHosts, hostsOutsideDomain } from './cdn-hosts.ts'
import { allowedOrigins, fields, grantTemplate, hostName, kmsKeyArn, sameSite, scope, seconds } from './field-values.ts'
import { sessionSchema } from './session-schema.ts'

/**
 * The one schema of a stage (`edge-signer.config.ts`). Everything else in the project receives a value that went through it.
 * A check is switched off only by an explicit `null` (never by leaving the field out).
 */

export const stageConfigSchema = v.pipe(
  fields({
    /** Who verifies cookies on the private paths: CloudFront's trusted key group, or the session function itself. */
    enforcement: v.optional(v.picklist(['key-group', 'gate']), 'key-group'),
    /** How a navigation without cookies gets them in `key-group` mode. Default: `error-page`; beside an app `none`. */
    bootstrap: v.optional(v.picklist(['error-page', 'none'])),
    session: sessionSchema,
    grants: v.pipe(v.array(grantTemplate), v.minLength(1, 'must hold at least one template')),
    cookies: v.optional(
      fields({
        ttlSeconds: v.optional(seconds(60, 86_400), 3600),
        /** `Domain` attribute, e.g. `example.com`; `null` keeps the cookies host-only. */
        domain: v.optional(v.nullable(hostName), null),
        /** `none` lets pages of other sites send the cookies; `allowedOrigins` names them. */
        sameSite: v.optional(sameSite, 'lax'),
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
    /**
     * Makes the app's pages cross-origin isolated, which gives them `SharedArrayBuffer`: the value of their
     * `Cross-Origin-Embedder-Policy`. `null` leaves it to the app.
     */
    appIsolation: v.optional(
      v.nullable(v.picklist(['require-corp', 'credentialless'], "must be 'require-corp' or 'credentialless'")),
      null,
    ),
    /**
     * Origins that may read with credentials and change state. A port may be `*`. `'*'` in place of the list lets pages of every origin
     * read, without credentials.
     */
    allowedOrigins: v.optional(allowedOrigins, []),
    corp: v.optional(v.picklist(['same-origin', 'same-site', 'cross-origin']), 'same-site'),
    /** Prefixes below which a GET must carry a Range header. */
    rangeOnly: v.optional(
      v.array(v.pipe(v.string(), v.regex(/^\/[^*?]*\/$/, 'must be a prefix such as /users/ '))),
      [],
    ),
    /** What a browser may keep of private files: `no-cache`, or a time in seconds. */
    browserCache: v.optional(v.union([v.literal('no-cache'), seconds(1, 86_400)]), 'no-cache'),
    /** The longest time that CloudFront keeps a file without asking S3; 0 keeps nothing. */
    cdnCacheSeconds: v.optional(seconds(0, 31_536_000), 31_536_000),
    signOut: v.optional(fields({ endSession: v.optional(v.boolean(), true) }), {}),
    keys: v.optional(
      fields({
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
    /** ARN of the KMS key that an existing bucket encrypts with (SSE-KMS); `null` where it uses S3's own keys. */
    bucketKmsKey: v.optional(v.nullable(kmsKeyArn), null),
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
      fields({
        /** The largest file, in bytes; at most what S3 can assemble from 10,000 parts (48.8 TiB). */
        maxBytes: v.optional(
          v.pipe(
            v.number(),
            v.integer(),
            v.minValue(1),
            v.maxValue(maxObjectBytes, `must be at most ${maxObjectBytes}`),
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
      fields({
        /** `signed`: CloudFront signed URLs; `plain`: CloudFront URLs without a signature; `presigned`: S3's own. */
        urls: v.optional(v.picklist(['signed', 'plain', 'presigned']), 'signed'),
        ttlSeconds: v.optional(seconds(1, 86_400), 3600),
        /** True if a download falls back to S3's own URL while CloudFront signing fails. Such a URL evades revocation. */
        fallbackToS3: v.optional(v.boolean(), false),
      }),
      {},
    ),
    /** The value of the session's `scope` (or `permissions`) claim that may use `/api/admin`. */
    adminScope: v.optional(scope, 'edge-signer:admin'),
    operations: v.optional(
      fields({
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
    /** Pages that the stage serves for people. */
    pages: v.optional(fields({ files: v.optional(v.boolean(), true) }), {}),
    /** Leaves the distribution out; outputs what an existing one needs. */
    attach: v.optional(v.boolean(), false),
  }),
  // Checks between fields run although other fields are wrong, and each belongs to a field, so that all faults are reported at once.
  v.forward(
    v.partialCheck([['grants']], (c) => countPaths(c.grants) <= maxGrants(null), `at most ${maxGrants(null)} paths`),
    ['grants'],
  ),
  v.forward(
    v.partialCheck(
      [['grants'], ['cookies', 'domain']],
      (c) => c.cookies.domain === null || countPaths(c.grants) <= maxGrants(c.cookies.domain),
      ({ input }) => `at most ${maxGrants(input.cookies.domain)} paths with cookies.domain`,
    ),
    ['grants'],
  ),
  v.forward(
    v.partialCheck(
      [['grants']],
      (c) => new Set(c.grants.map((grant) => JSON.stringify(grant))).size === c.grants.length,
      'a grant is listed twice',
    ),
    ['grants'],
  ),
  v.forward(
    v.partialCheck(
      [['cookies', 'domain'], ['cdnHost'], ['aliases']],
      (c) => hostsOutsideDomain(cdnHosts(c.cdnHost, c.aliases), c.cookies.domain).length === 0,
      ({ input: { cdnHost, aliases, cookies } }) =>
        `must be ${hostsOutsideDomain(cdnHosts(cdnHost, aliases), cookies.domain).join(' and ')} or a parent of it`,
    ),
    ['cookies', 'domain'],
  ),
  v.forward(
    v.partialCheck(
      [['appIsolation'], ['appOrigin'], ['attach']],
      (c) => c.appIsolation === null || (c.appOrigin !== null && !c.attach),
      'needs appOrigin, and a distribution of the stack: the headers are those of pages that come through it',
    ),
    ['appIsolation'],
  ),
  v.forward(
    v.partialCheck(
      [['cookies', 'sameSite'], ['allowedOrigins']],
      (c) => c.cookies.sameSite === 'Lax' || (c.allowedOrigins.length > 0 && !isOpenToAll(c.allowedOrigins)),
      "'none' needs allowedOrigins with the origins of those pages: no other page can read with the cookies",
    ),
    ['cookies', 'sameSite'],
  ),
  v.forward(
    v.partialCheck(
      [['corp'], ['cookies', 'sameSite']],
      // Such a page learns from an image's size or from a player which files a user has.
      (c) => c.corp !== 'cross-origin' || c.cookies.sameSite === 'Lax',
      "cross-origin would let every site embed a user's files with the user's cookies. Keep same-site with cookies.sameSite: 'none', and read with CORS (the crossorigin attribute, or fetch)",
    ),
    ['corp'],
  ),
  v.forward(
    v.partialCheck(
      [['allowedOrigins'], ['cookies', 'domain']],
      (c) => !isOpenToAll(c.allowedOrigins) || c.cookies.domain === null,
      "'*' is for reads without cookies, and cookies.domain shares cookies with other hosts: name the origins",
    ),
    ['allowedOrigins'],
  ),
  v.forward(
    v.partialCheck(
      [['allowedOrigins'], ['downloads', 'urls']],
      (c) => !isOpenToAll(c.allowedOrigins) || c.downloads.urls === 'signed',
      "'*' is for stages whose pages read by signed URLs: set downloads.urls: 'signed', or name the origins",
    ),
    ['allowedOrigins'],
  ),
  v.forward(
    v.partialCheck(
      [['cdnHost'], ['aliases'], ['certificateArn'], ['attach']],
      (c) => (c.cdnHost === null && c.aliases.length === 0) || c.certificateArn !== null || c.attach,
      'cdnHost and aliases need a certificate',
    ),
    ['certificateArn'],
  ),
  v.forward(
    v.partialCheck(
      [['bucketRegion'], ['bucket']],
      (c) => c.bucketRegion === 'us-east-1' || c.bucket !== null,
      'only an existing bucket can be in another Region',
    ),
    ['bucketRegion'],
  ),
  v.forward(
    v.partialCheck(
      [['bucketKmsKey'], ['bucket']],
      (c) => c.bucketKmsKey === null || c.bucket !== null,
      'only an existing bucket can be encrypted with a KMS key',
    ),
    ['bucketKmsKey'],
  ),
  v.forward(
    v.partialCheck(
      [['browserCache'], ['enforcement']],
      // No function writes `Vary: Sec-Fetch-Dest` there, so a browser would run a copy that it had read as data.
      (c) => c.browserCache === 'no-cache' || c.enforcement !== 'gate',
      "must be 'no-cache' with enforcement: 'gate', else a page could run a file of a user from the browser's cache as a script",
    ),
    ['browserCache'],
  ),
  v.forward(
    v.partialCheck(
      [['bootstrap'], ['appOrigin'], ['enforcement']],
      // In `gate` mode there is no error page: the session function answers by itself.
      (c) => c.bootstrap !== 'error-page' || c.appOrigin === null || c.enforcement === 'gate',
      "error-page would replace every 403 of the app at appOrigin, too. Set enforcement: 'gate', which needs no page, or leave bootstrap out and let the app ask /_edge/session where a file answers 401 or 403",
    ),
    ['bootstrap'],
  ),
  v.transform(({ cdnHost, aliases, ...c }) => ({
    ...c,
    hosts: cdnHosts(cdnHost, aliases),
    bootstrap: c.bootstrap ?? (c.appOrigin === null ? errorPage : noBootstrap),
  })),
)

const errorPage = 'error-page' as const
const noBootstrap = 'none' as const

/** One path may have several grants, such as reading for all and writing for editors. */
function countPaths(grants: readonly GrantTemplate[]): number {
  return new Set(grants.map(({ source }) => source)).size
}

/** One stage as written. */
export type StageConfigInput = v.InferInput<typeof stageConfigSchema>
/** One stage after parsing: every default filled in. */
export type StageConfig = v.InferOutput<typeof stageConfigSchema>
