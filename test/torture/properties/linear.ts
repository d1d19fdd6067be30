import { normalisePath, splitTarget } from '../../../local/cloudfront/njs/path.ts'
import { parseFileName } from '../../../shared/assets/download-name.ts'
import { parseKeyPrefix, parseObjectKey } from '../../../shared/assets/object-key.ts'
import { requestedDownloadName } from '../../../shared/assets/requested-download-name.ts'
import { fromCloudFrontBase64, toCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { parseIpv4Block } from '../../../shared/cloudfront/ipv4.ts'
import { parsePolicy } from '../../../shared/cloudfront/parse-policy.ts'
import { matchesResource } from '../../../shared/cloudfront/resource-match.ts'
import { readSignedRequest } from '../../../shared/cloudfront/signed-request.ts'
import { readFormerGrants } from '../../../shared/grant/edge-grants.ts'
import { decodePathSegment, encodePathSegment, parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { readCookies } from '../../../shared/http/cookies.ts'
import { readQueryParameter } from '../../../shared/http/query.ts'
import { encodeReserved, isCanonicalPath } from '../../../shared/read/canonical-path.ts'
import { isMultiRange, isSingleRange } from '../../../shared/read/check-read.ts'
import { parseAllowedOrigins } from '../../../shared/read/cors.ts'
import { verifyStamp } from '../../../shared/revocation/stamp.ts'
import { parseReturnAddress } from '../../../shared/session/return-address.ts'
import { readSessionToken } from '../../../shared/session/session.ts'
import { verifyUploadToken } from '../../../shared/uploads/upload-token.ts'

/**
 * The time of every parser of untrusted text against the length of the text, from 4 to 64 KB, for texts of the shapes that
 * make careless parsers slow. Sixteen times the length takes a linear parser 16 times as long and a quadratic one 256 times;
 * the bound is the geometric mean of both, 64. The shortest of several runs counts, since a busy machine makes runs longer and
 * never shorter, and a shape is measured again before it counts as a fault.
 */

const stampKey = 'c3RhbXAta2V5LWZvci10aGUtdG9ydHVyZS1oYXJuZXNzLTEy'
const isAllowed = parseAllowedOrigins(['https://app.example.com', 'http://localhost:*'])
const request = { url: 'https://h/users/alice/x', querystring: '', cookieHeader: '' }

/** A parser with the text at the place where a request has it. */
export const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  'Cookie header': readCookies,
  'session token in a cookie': (text) => readSessionToken({ headers: { cookie: `s=${text}` } }, 's'),
  'session token as Bearer': (text) => readSessionToken({ headers: { authorization: `Bearer ${text}` } }, 's'),
  'signing cookies': (cookieHeader) => readSignedRequest({ ...request, cookieHeader }, 'refuse'),
  'signed URL': (querystring) => readSignedRequest({ ...request, querystring }, 'refuse'),
  'Policy cookie': (text) =>
    readSignedRequest({ ...request, cookieHeader: `CloudFront-Key-Pair-Id=K; CloudFront-Policy=${text}` }, 'refuse'),
  'policy JSON': parsePolicy,
  'policy in base64': (text) => fromCloudFrontBase64(toCloudFrontBase64(text)),
  base64: fromCloudFrontBase64,
  'Resource against a URL': (text) => matchesResource(`https://h/${text}b`, `https://h/${text.replaceAll('*', 'a')}`),
  'Resource against a long name': (text) =>
    matchesResource(`*${text.slice(0, text.length / 2)}b*`, 'a'.repeat(text.length)),
  'address block': parseIpv4Block,
  'canonical path': (text) => isCanonicalPath(`/${text}`),
  'path with reserved characters': encodeReserved,
  'request target': (text) => normalisePath(splitTarget(`/${text}`).path),
  'query parameter': (text) => readQueryParameter(text, 'return'),
  'return address': (text) => parseReturnAddress(`/${text}`, isAllowed),
  'allowed origin': isAllowed,
  'Range header': (value) => [isMultiRange({ value }), isSingleRange({ value })],
  'object key': (text) => parseObjectKey(text, 2 ** 20),
  'key prefix': (text) => parseKeyPrefix(text, 2 ** 20),
  'file name': parseFileName,
  'download name in a query': requestedDownloadName,
  'path segment': (text) => [encodePathSegment(text), decodePathSegment(text)],
  'resource prefix': parseResourcePrefix,
  'edge-grants cookie': (text) => readFormerGrants(new Map([['edge-grants', [text]]]), stampKey),
  'edge-issued cookie': (text) => verifyStamp(stampKey, 'h', '/users/alice/', text),
  'upload token': (text) => verifyUploadToken(text, stampKey),
}

const repeat = (piece: string) => (size: number) => piece.repeat(Math.ceil(size / piece.length)).slice(0, size)

/** Texts of a size. */
export const shapes: Readonly<Record<string, (size: number) => string>> = {
  ...Object.fromEntries(
    [
      ...[
        'a',
        '/',
        '.',
        '*',
        ';',
        '=',
        '&',
        '%',
        ',',
        ' ',
        '[',
        '"',
        '\\',
        '|',
        '?',
        '0',
        '-',
        '_',
        '\t',
        '+',
        '\u00e9',
      ],
      ...[
        'a/',
        '../',
        '*a',
        'a*',
        '?*',
        '%2F',
        '%25',
        '%C3%A9',
        '; ',
        'a=b; ',
        'a=b&',
        '=;',
        '{"a":',
        '[[',
        '\\"',
        '1.',
        'a.',
        ' =',
        '__proto__=a&',
      ],
      ...['CloudFront-Policy=a; ', 'Policy=a&', 'Key-Pair-Id=&'],
    ].map((piece) => [JSON.stringify(piece), repeat(piece)]),
  ),
  'a long name, then an end that fits nothing': (size) => `${'a'.repeat(size - 1)}\u0000`,
  'spaces around one letter': (size) => `${' '.repeat(size / 2)}a${' '.repeat(size / 2 - 1)}`,
  'a policy with a long Resource': (size) =>
    `{"Statement":[{"Resource":"${'*a'.repeat(size / 2 - 60)}","Condition":{"DateLessThan":{"AWS:EpochTime":1}}}]}`,
  'a policy with many members': (size) => `{${Array.from({ length: size / 12 }, (_, i) => `"k${i}":0`).join(',')}}`,
}

export const sizes = [4, 8, 16, 32, 64].map((kilobytes) => kilobytes * 1024)
const bound = 64
/** Milliseconds. A parser below this for the longest text cannot be used against a server, for any ratio. */
const harmless = 2
/** Milliseconds that no linear parser needs for 64 KB, so that longer texts are not tried. */
const hopeless = 2000

/** Times of one parser and its worst shape. */
export interface Curve {
  readonly parser: string
  readonly shape: string
  /** Milliseconds for each of `sizes`, up to the first that takes too long. */
  readonly times: readonly number[]
  readonly ratio: number
  readonly isLinear: boolean
}

/** Measures one parser: the curve of the first shape that is not linear, else of the one that takes longest. */
export function measure(parser: string, repetitions: number): Curve {
  const parse = parsers[parser] as (text: string) => unknown
  const ends = [sizes[0] as number, sizes.at(-1) as number]
  let worst: Curve | undefined
  for (const [shape, make] of Object.entries(shapes)) {
    let curve = measureShape(parser, parse, shape, make, repetitions, ends)
    for (let again = 0; again < 4 && !curve.isLinear && (curve.times.at(-1) ?? 0) < hopeless; again++) {
      const next = measureShape(parser, parse, shape, make, repetitions * 3, ends)
      if (next.ratio < curve.ratio) curve = next
    }
    if (worst === undefined || !curve.isLinear || (curve.times.at(-1) ?? 0) > (worst.times.at(-1) ?? 0)) worst = curve
    if (!curve.isLinear) break
  }
  const { shape = '', isLinear = false } = worst ?? {}
  const whole = measureShape(parser, parse, shape, shapes[shape] as (size: number) => string, repetitions, sizes)
  return { ...whole, isLinear }
}

function measureShape(
  parser: string,
  parse: (text: string) => unknown,
  shape: string,
  make: (size: number) => string,
  repetitions: number,
  at: readonly number[],
): Curve {
  const times: number[] = []
  for (const size of at) {
    times.push(shortest(parse, make(size), repetitions))
    if ((times.at(-1) ?? 0) > hopeless) break
  }
  const [first = 0] = times
  const last = times.at(-1) ?? 0
  const ratio = last / Math.max(first, 1e-4)
  return { parser, shape, times, ratio, isLinear: last < hopeless && (ratio <= bound || last < harmless) }
}

function shortest(parse: (text: string) => unknown, text: string, repetitions: number): number {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now()
    try {
      parse(text)
    } catch {
      // A refusal is an answer, too.
    }
    best = Math.min(best, performance.now() - start)
    // No linear parser takes so long on any machine, however busy.
    if (performance.now() - start > hopeless) break
  }
  return best
}
