import type { EdgeRequest } from './event.ts'
import { policyHost } from './policy-host.ts'
import { readReturnTarget } from './return-target.ts'
import type { SessionServices } from './services.ts'

const mintPath = '/_edge/session'

/**
 * The login page's address with `return`, or `null` where the stage has none. `return` leads back here, not to where the
 * browser wanted to go: the app's session alone opens no file, its cookies have to be minted first. A login page on another
 * host needs the full URL, one on ours gets the path.
 */
export function loginLocation(edge: EdgeRequest, services: SessionServices): string | null {
  const { loginUrl } = services.config.session
  if (loginUrl === null) return null
  const target = readReturnTarget(edge.request, services)
  const path = target === undefined ? mintPath : `${mintPath}?return=${encodeURIComponent(target.location)}`
  const back = loginUrl.startsWith('/') ? path : `https://${policyHost(services.config, edge)}${path}`
  return withParameter(loginUrl, `return=${encodeURIComponent(back)}`)
}

/** Adds to the query string, which ends before the fragment (RFC 3986 section 3). */
function withParameter(url: string, parameter: string): string {
  const hash = url.indexOf('#')
  const base = hash < 0 ? url : url.slice(0, hash)
  return `${base}${base.includes('?') ? '&' : '?'}${parameter}${hash < 0 ? '' : url.slice(hash)}`
}
