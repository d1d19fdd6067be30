/**
 * The path of a request as CloudFront matches it against behaviours: normalised by RFC 3986 section 6.2.2, while the raw one
 * goes to functions and origin.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The two parts of a request target, as sent. */
export interface RawTarget {
  readonly path: string
  /** Without `?`. */
  readonly querystring: string
}

/** Splits what nginx calls `$request_uri`; a fragment, which no client should send, is dropped. */
export function splitTarget(target: string): RawTarget {
  const hash = target.indexOf('#')
  const sent = hash < 0 ? target : target.slice(0, hash)
  const mark = sent.indexOf('?')
  return mark < 0 ? { path: sent, querystring: '' } : { path: sent.slice(0, mark), querystring: sent.slice(mark + 1) }
}

/**
 * Decodes escapes of unreserved characters, writes the others in upper case, and removes dot segments. `%2F` stays an
 * escape: RFC 3986 does not take it for a separator.
 */
export function normalisePath(path: string): string {
  if (path.indexOf('%') < 0 && path.indexOf('/.') < 0) return path
  const decoded = path.replace(/%[0-9A-Fa-f]{2}/g, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
    return /[A-Za-z0-9\-._~]/.test(character) ? character : triplet.toUpperCase()
  })
  return removeDotSegments(decoded)
}

/** RFC 3986 section 5.2.4. */
function removeDotSegments(path: string): string {
  const segments = path.split('/')
  const kept: string[] = []
  for (let i = 1; i < segments.length; i++) {
    const segment = String(segments[i])
    const last = i === segments.length - 1
    if (segment === '..') kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (last) kept.push('')
  }
  return `/${kept.join('/')}`
}
