import type { FunctionValue } from '../cloudfront/function-event.ts'
import { encodeReserved, hasReserved, isCanonicalPath } from './canonical-path.ts'
import type { ReadRules } from './read-rules.ts'

/**
 * The rules of every read of a file, for each function that authorises it: the guard in front of CloudFront's signed cookies
 * and URLs, the session function in `gate` mode, and the download links of a single server (which run the guard).
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters, and no imports but of
 * such files.
 */

/** The parts of a request that the rules read. A field that came in several lines has them joined, or as `multiValue`. */
export interface ReadRequest {
  readonly method: string
  /** The path as it was sent, without the query string. */
  readonly path: string
  readonly range: FunctionValue | undefined
  /** `Sec-Fetch-Dest`. */
  readonly destination: FunctionValue | undefined
}

/** The codes of `checkRead`. */
export type ReadRefusal =
  | 'ERR_PATH_NOT_CANONICAL'
  | 'ERR_PATH_RESERVED'
  | 'ERR_METHOD_NOT_ALLOWED'
  | 'ERR_NOT_FOUND'
  | 'ERR_FETCH_DESTINATION'
  | 'ERR_RANGE_MULTIPLE'
  | 'ERR_RANGE_REQUIRED'

/** Path of the Files page. Its script and style are below. */
export const filesPagePath = '/_edge/files/'

/** The methods of a file's address, as `Allow` has them. */
export const readMethods = 'GET, HEAD, OPTIONS'

/**
 * Unchecked uploads and the revocation state. No behaviour serves them; a behaviour that somebody adds must not either.
 */
const reservedPath = /^\/_(incoming|state)(\/|$)/

/**
 * Checks a read against every rule.
 *
 * The path comes first: every later rule compares it as text, which is safe for canonical paths only.
 *
 * @returns a code, or the prefixes of the path that a grant or a revocation can be about. An `OPTIONS` that passes is a
 *   preflight for the caller to answer.
 */
export function checkRead(request: ReadRequest, rules: ReadRules): ReadRefusal | readonly string[] {
  const path = request.path
  const method = request.method
  if (!isCanonicalPath(path)) return 'ERR_PATH_NOT_CANONICAL'
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') return 'ERR_METHOD_NOT_ALLOWED'
  if (reservedPath.test(path)) return 'ERR_NOT_FOUND'
  if (request.destination !== undefined && !isReadDestination(request.destination)) {
    // The one script and the one style sheet that no user can write: keys below `_edge/` are reserved.
    if (path.indexOf(filesPagePath) !== 0) return 'ERR_FETCH_DESTINATION'
  }

  // RFC 9110 section 14.2: `Range` has no meaning for other methods.
  if (method === 'GET') {
    if (request.range !== undefined && isMultiRange(request.range)) return 'ERR_RANGE_MULTIPLE'
    if (rules.rangeOnly !== null && !isSingleRange(request.range)) {
      const written = encodeReserved(path)
      if (rules.rangeOnly.some((prefix) => written.startsWith(prefix))) return 'ERR_RANGE_REQUIRED'
    }
  }

  // In a prefix only the encoded form of a reserved character may appear, else one revocation has two names.
  const prefixes = grantPrefixes(path, rules)
  return prefixes.some(hasReserved) ? 'ERR_PATH_RESERVED' : prefixes
}

/**
 * Returns the address of a canonical path with the names in its prefix encoded as a grant has them: `/users/a@b.example/x@1` is served
 * at `/users/a%40b.example/x@1`. Only the form of the prefix changes, so a path that is served already is returned as it is.
 *
 * @returns `undefined` for a raw `+` in the prefix. S3 and form decoders read it as a space, so it may mean either name.
 */
export function canonicalAddress(path: string, rules: Pick<ReadRules, 'depths'>): string | undefined {
  const prefixes = grantPrefixes(path, rules)
  const prefix = prefixes[prefixes.length - 1] || ''
  return prefix.includes('+') ? undefined : encodeReserved(prefix) + path.slice(prefix.length)
}

/** Returns the prefixes of a path at the depths of the grant templates, the longest last, each with its closing slash. */
function grantPrefixes(path: string, rules: Pick<ReadRules, 'depths'>): string[] {
  const segments = path.split('/')
  const depths = rules.depths[`/${segments[1]}`]
  const prefixes: string[] = []
  if (depths === undefined) return prefixes
  for (let i = 0; i < depths.length; i++) {
    const depth = depths[i] as number
    if (depth + 1 >= segments.length) continue
    prefixes.push(`${segments.slice(0, depth + 1).join('/')}/`)
  }
  return prefixes
}

/** RFC 9110 section 14.1.2: one `first-last`, `first-` or `-suffix`. */
const singleRange = /^bytes=(?:(\d+)-(\d*)|-\d+)$/i

/** Returns true for more than one range, in one line or in several. CloudFront answers most of them with the whole object. */
export function isMultiRange(range: FunctionValue): boolean {
  return range.multiValue !== undefined || range.value.indexOf(',') >= 0
}

/** Returns true if S3 reads `range` as one range. An invalid one is ignored by servers, which then send the whole object. */
export function isSingleRange(range: FunctionValue | undefined): boolean {
  const match = singleRange.exec(range ? range.value : '')
  return match !== null && (!match[2] || !isAfter(match[1] as string, match[2]))
}

/** Compares digits as text: as numbers, positions from 2^53 on would be equal to their neighbours. */
function isAfter(first: string, last: string): boolean {
  const width = Math.max(first.length, last.length)
  return first.padStart(width, '0') > last.padStart(width, '0')
}

/**
 * Values of `Sec-Fetch-Dest` with which a browser may read a file
 * (https://w3c.github.io/webappsec-fetch-metadata/#sec-fetch-dest-header).
 *
 * A file of a user shares its origin with the app's session. Loaded as a script, a module, a worker, a worklet or an XSLT
 * sheet it would run with the rights of the page that loads it; a service worker would answer for every other file. A style
 * sheet reads and changes the page, a manifest describes the app. No response header prevents that for a file whose type is
 * JavaScript or CSS, so such requests are refused.
 *
 * Allowed are the destinations of the Fetch standard ("destination") that pass data to a page that asked for data (`empty`
 * is `fetch()` and `XMLHttpRequest`; `json` and `text` are modules without code), that show the file (`image`, `video`, …),
 * or that open it as a document of its own, where its `Content-Security-Policy` applies. All others are refused, including those
 * that browsers add later. Refused today: `audioworklet`, `manifest`, `paintworklet`, `report`, `script`, `serviceworker`,
 * `sharedworker`, `speculationrules`, `style`, `webidentity`, `worker`, `xslt`.
 */
const readDestinations = 'empty json text audio font image track video document embed frame iframe object'.split(' ')

/** Returns true if a file may be read for this destination. Other clients than browsers send no destination. */
function isReadDestination(field: FunctionValue): boolean {
  return field.multiValue === undefined && readDestinations.indexOf(field.value) >= 0
}
