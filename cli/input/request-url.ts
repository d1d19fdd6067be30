import { UsageError } from '../usage-error.ts'

/** A URL taken apart without being changed: what a browser or curl puts on the wire. */
export interface RequestUrl {
  readonly scheme: 'http' | 'https'
  /** Lower case, with its port unless it is the scheme's own. */
  readonly host: string
  /** `host` without the port. */
  readonly hostname: string
  /** As written, still percent-encoded. */
  readonly path: string
  /** As written, without `?`; empty where there is none. */
  readonly querystring: string
  /** `https://<host><path>`: what a policy is held against, whatever the scheme of the emulation. */
  readonly signedUrl: string
}

/** Without a user name: no browser sends one, and `@` would lead into another host. */
const form = /^(https?):\/\/([^/?#@\s]+)(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/is

/**
 * Takes a URL apart. `new URL` would remove dot segments and encode what it does not like, and so hide the fault that is looked for.
 *
 * @throws UsageError where it is not an absolute http or https URL.
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

/** Whether browsers keep and send `Secure` cookies there over plain http: the loopback names. */
export function isTrustworthyLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '::1' || /^127\./.test(hostname)
}
