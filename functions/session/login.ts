import type { HttpRequest } from '../../shared/http/message.ts'
import { parseReturnAddress, type ReturnAddress } from '../../shared/http/return-address.ts'
import type { EdgeRequest } from './event.ts'
import { policyHost } from './policy-host.ts'
import { readReturnTarget } from './return-target.ts'
import type { SessionServices } from './services.ts'

const mintPath = '/_edge/session'

/**
 * The login page's address with `return`, or `null` where the stage has none. `return` leads back here, not to where the
 * browser wanted to go: the app's session alone opens no file, its cookies have to be minted first. A login page on another
 * host needs the full URL, one on ours gets the path.
 *
 * `null` also for a browser that comes back from there: an app that takes it for signed in would send it here again at once,
 * as it does where its cookie is blocked or its tokens are not those that this stage expects.
 */
export function loginLocation(edge: EdgeRequest, services: SessionServices): string | null {
  const { loginUrl } = services.config.session
  if (loginUrl === null || isBackFromLogin(edge.request)) return null
  const target = addressWanted(edge.request, services)
  const path = `${mintPath}?${fromLogin}${target === undefined ? '' : `&return=${encodeURIComponent(target.location)}`}`
  const back = loginUrl.startsWith('/') ? path : `https://${policyHost(services.config, edge)}${path}`
  return withParameter(loginUrl, `return=${encodeURIComponent(back)}`)
}

const fromLogin = 'from=login'

/** Whether the login page sent the browser here. */
export function isBackFromLogin({ path, querystring }: HttpRequest): boolean {
  return path === mintPath && querystring.split('&').includes(fromLogin)
}

/** A file's own address in `gate` mode, else what `return` says. */
function addressWanted(request: HttpRequest, services: SessionServices): ReturnAddress | undefined {
  if (request.path.startsWith('/_edge/')) return readReturnTarget(request, services)
  const query = request.querystring === '' ? '' : `?${request.querystring}`
  for (const address of [`${request.path}${query}`, request.path]) {
    try {
      return parseReturnAddress(address, () => false)
    } catch {
      // Signing in is worth more than coming back to an odd address.
    }
  }
  return undefined
}

/** Adds to the query string, which ends before the fragment (RFC 3986 section 3). */
function withParameter(url: string, parameter: string): string {
  const hash = url.indexOf('#')
  const base = hash < 0 ? url : url.slice(0, hash)
  return `${base}${base.includes('?') ? '&' : '?'}${parameter}${hash < 0 ? '' : url.slice(hash)}`
}
