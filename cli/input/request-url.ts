import { EdgeSignerError } from '../../shared/errors.ts'
import { parseResourcePrefix, type ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { UsageError } from '../usage-error.ts'

/** Parts of a URL, unchanged: the bytes that a browser or curl sends. */
export interface RequestUrl {
  readonly scheme: 'http' | 'https'
  /** Lower case, with its port unless it is the default of the scheme. */
  readonly host: string
  /** `host` without the port. */
  readonly hostname: string
  /** As written, still percent-encoded. */
  readonly path: string
  /** As written, without `?`; empty if there is none. */
  readonly querystring: string
  /** `https://<host><path>`: the URL that a policy must cover, even if the emulation uses http. */
  readonly signedUrl: string
}

/** Without a user name: browsers don't send it, and text before an `@` could be mistaken for the host. */
const form = /^(https?):\/\/([^/?#@\s]+)(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/is

/**
 * Splits a URL without normalising it. `new URL` would remove dot segments and encode characters, and so hide the very fault that
 * `explain` looks for.
 *
 * @throws UsageError if it is not an absolute http or https URL.
 */
export function parseRequestUrl(text: string): RequestUrl {
  const match = form.exec(text.trim())
  if (match === null) throw new UsageError('the URL must be absolute, without a user name: https://<host>/<path>')
  const scheme = match[1]?.toLowerCase() === 'http' ? 'http' : 'https'
  const host = (match[2] ?? '').toLowerCase().replace(scheme === 'http' ? /:80$/ : /:443$/, '')
  const path = match[3] || '/'
  const hostname = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return { scheme, host, hostname, path, querystring: match[4] ?? '', signedUrl: `https://${host}${path}` }
}

/** A URL prefix. */
export interface PrefixUrl {
  readonly scheme: 'http' | 'https'
  /** With its port. */
  readonly host: string
  readonly hostname: string
  readonly prefix: ResourcePrefix
}

/**
 * Parses `https://cdn.example.com/users/alice/`, with or without a trailing `*`.
 *
 * @throws UsageError if it is not a canonical prefix.
 */
export function parsePrefixUrl(url: string): PrefixUrl {
  const { scheme, host, hostname, path, querystring } = parseRequestUrl(url.replace(/\*$/, ''))
  try {
    if (querystring !== '') throw new UsageError('a prefix has no query string')
    return { scheme, host, hostname, prefix: parseResourcePrefix(path) }
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof EdgeSignerError)) throw error
    throw new UsageError(
      'a prefix begins and ends with / and has each segment percent-encoded: https://cdn.example.com/users/alice/',
    )
  }
}

/** Returns true for loopback names, for which browsers store and send `Secure` cookies over plain http. */
export function isTrustworthyLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '::1' || /^127\./.test(hostname)
}
