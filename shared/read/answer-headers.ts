import type { StageConfig } from '../config/stage-config.ts'
import type { HttpResponse } from '../http/message.ts'

/**
 * The headers that protect answers, as one table. The response headers policies, the headers function, generated responses,
 * the API and the nginx of the single server take their values from here. A header that every answer gets, on every surface and
 * in both modes, is one line in `stageHeaders`.
 *
 * |                         | private object     | public object        | page       | generated, API | error |
 * | ----------------------- | ------------------ | -------------------- | ---------- | -------------- | ----- |
 * | CORP                    | stage              | stage                | stage      | stage          | stage |
 * | Content-Security-Policy | by type            | by type              | its hashes |                | that of active types |
 * | COEP                    | require-corp       | require-corp         | require-corp |              | require-corp |
 * | nosniff                 | yes                | yes                  | yes        | yes            | yes   |
 * | Cache-Control           | private, no-cache, no-transform | the origin's, no-transform | no-store | no-store | as the object |
 * | Referrer-Policy         | no-referrer        | no-referrer          | no-referrer |               | no-referrer |
 * | CORS                    | reads              | reads                |            | reads, bodies  | reads |
 * | HSTS                    | yes                | yes                  | yes        | yes            | yes   |
 *
 * "By type" is `contentPolicy` or `activePolicy`. "Error" is an answer of the origin or of CloudFront itself at 400 and above.
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters, and no imports but types.
 */

type Headers = HttpResponse['headers']

/** Headers of every answer of a stage. Lower-case names; values of printable ASCII. */
export function stageHeaders(config: Pick<StageConfig, 'corp'>): Headers {
  return [['cross-origin-resource-policy', config.corp]]
}

/** `Cache-Control` of an answer that is made for one request. */
export const noStore = 'no-store'

/** Headers of generated answers and of the API: never stored, never sniffed. */
export const generatedHeaders: Headers = [
  ['cache-control', noStore],
  ['x-content-type-options', 'nosniff'],
]

/** `Referrer-Policy` of files and links: their URLs hold tokens and names of users, which no other site may receive. */
export const referrerPolicy = 'no-referrer'

/**
 * Headers of everything that a browser opens as a document: files, and pages of Edge Signer. A page under COEP, as `SharedArrayBuffer`
 * requires, may only frame documents that have COEP themselves (HTML standard, "check a navigation response's adherence to its
 * embedder policy").
 */
export function documentHeaders(config: Pick<StageConfig, 'corp'>): Headers {
  return stageHeaders(config).concat([['cross-origin-embedder-policy', 'require-corp']])
}

/**
 * Headers that make the app's pages cross-origin isolated
 * (https://html.spec.whatwg.org/multipage/document-sequences.html#cross-origin-isolated). Every file of the stage has CORP and COEP, so
 * such a page can still read, embed and frame files.
 */
export function isolationHeaders(embedderPolicy: NonNullable<StageConfig['appIsolation']>): Headers {
  return [
    ['cross-origin-opener-policy', 'same-origin'],
    ['cross-origin-embedder-policy', embedderPolicy],
  ]
}

/** The CSP directive of pages that stand in for a file: who may frame files may frame the page that refuses one. */
export function frameAncestors(allowedOrigins: readonly string[]): string {
  // `*` names origins that read without credentials; a frame is another matter.
  return ["frame-ancestors 'self'"].concat(allowedOrigins.filter((origin) => origin !== '*')).join(' ')
}

/** Headers of every file, beside those that depend on its path and type. */
export function fileHeaders(config: Pick<StageConfig, 'corp'>): Headers {
  return documentHeaders(config).concat([
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', referrerPolicy],
  ])
}

/** `Strict-Transport-Security` in seconds. Without `includeSubDomains`: other hosts are for their owners to decide. */
export const hstsSeconds = 31_536_000

/** Headers that a status requires, for every body. */
export function statusHeaders(status: number): Headers {
  // RFC 9110 section 15.5.2: a 401 MUST name a challenge. `Bearer` opens no dialogue in a browser.
  if (status === 401) return [['www-authenticate', 'Bearer']]
  // RFC 9110 section 10.2.3, in seconds: the time after which our own caches try again.
  if (status === 503) return [['retry-after', '5']]
  // RFC 9110 section 14.3: a single range would have been served. Exposing permits nothing to an origin that is not allowed.
  if (status === 416) {
    return [
      ['accept-ranges', 'bytes'],
      ['access-control-expose-headers', 'Accept-Ranges'],
    ]
  }
  return []
}

/** `Cache-Control` of private objects, whatever the origin sent, so that a browser's copy does not outlive access. */
export function privateCacheControl(browserCache: StageConfig['browserCache']): string {
  return `private, ${browserCache === 'no-cache' ? 'no-cache' : `max-age=${browserCache}`}, no-transform`
}

/**
 * `Cache-Control` of a file that a download link opened. The URL of a private file holds its own token, so no cache may keep
 * the file longer than the link is valid.
 */
export function linkCacheControl(isPublic: boolean): string {
  return isPublic ? 'public, max-age=86400, immutable, no-transform' : 'private, no-store, no-transform'
}

/**
 * Headers of an answer that signs a browser out. The browser drops the copies that it keeps of this origin
 * (https://w3c.github.io/webappsec-clear-site-data/). It works over HTTPS and on localhost.
 */
export const signOutHeaders: Headers = [['clear-site-data', '"cache"']]

/**
 * `Content-Security-Policy` of files that browsers show without running them. Media, images and PDF display, and nothing runs,
 * loads or submits, even if the file turns out to be HTML or SVG:
 *
 * - A player is a document that asks for its file again (`media-src`), an image may be too (`img-src`), and both are styled by
 *   attributes of the browser's own (`style-src`).
 * - No `sandbox`: Chromium and WebKit leave a dead player or PDF viewer.
 * - No `frame-ancestors`: the app may show a file in a frame.
 */
export const contentPolicy =
  "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/**
 * `Content-Security-Policy` of active types (HTML, SVG, XML, JavaScript) and of errors. It adds an opaque origin: no cookies, and
 * no navigation by the document itself. The mark lets the guard's bundle, which does not use it, leave it out.
 */
export const activePolicy = /* @__PURE__ */ 'sandbox; '.concat(contentPolicy)
