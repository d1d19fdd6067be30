import { matchesResource } from '../../../shared/cloudfront/resource-match.ts'
import type { EdgeBehaviour } from '../edge-config.ts'

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

/** Returns the path for a bucket: S3 reads `+` as a space, and the key with a `+` is `%2B`. */
export function originPath(path: string): string {
  return path.indexOf('+') < 0 ? path : path.split('+').join('%20')
}

/**
 * Decodes escapes of unreserved characters, writes the others in upper case, and removes dot segments. `%2F` stays an
 * escape: RFC 3986 does not take it for a separator.
 */
export function normalisePath(path: string): string {
  const decoded = path.indexOf('%') < 0 ? path : decodeUnreserved(path)
  return decoded.indexOf('/.') < 0 ? decoded : removeDotSegments(decoded)
}

const unreserved = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~'

/** Split at each `%`: a replacement by a function takes njs ten times as long. */
function decodeUnreserved(path: string): string {
  const parts = path.split('%')
  for (let i = 1; i < parts.length; i++) {
    const part = String(parts[i])
    const hex = part.slice(0, 2)
    const isEscape = hex.length === 2 && !/[^0-9A-Fa-f]/.test(hex)
    const character = isEscape ? String.fromCharCode(Number.parseInt(hex, 16)) : ''
    if (isEscape && unreserved.indexOf(character) >= 0) parts[i] = character + part.slice(2)
    else parts[i] = `%${isEscape ? hex.toUpperCase() : hex}${part.slice(2)}`
  }
  return parts.join('')
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

/** Returns the index of the first behaviour that matches a normalised path; -1 where there is none. */
export function indexOfBehaviour(behaviours: readonly EdgeBehaviour[], path: string): number {
  for (let i = 0; i < behaviours.length; i++) {
    const behaviour = behaviours[i] as EdgeBehaviour
    const prefix = behaviour.pathPrefix
    if (prefix === null ? matchesResource(behaviour.pathPattern, path) : path.startsWith(prefix)) return i
  }
  return -1
}
