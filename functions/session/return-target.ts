import { policyHost } from '../../shared/config/cdn-hosts.ts'
import { GrantError } from '../../shared/errors.ts'
import type { ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { readQueryParameter } from '../../shared/http/query.ts'
import { isCanonicalPath } from '../../shared/read/canonical-path.ts'
import { canonicalAddress } from '../../shared/read/check-read.ts'
import { parseReturnAddress, type ReturnAddress } from '../../shared/session/return-address.ts'
import type { EdgeRequest } from './event.ts'
import type { SessionServices } from './services.ts'

/**
 * Returns the address in the `return` parameter; `undefined` without one.
 *
 * @throws RequestError `ERR_RETURN_INVALID`, `ERR_REQUEST_INVALID`.
 */
export function readReturnTarget(request: HttpRequest, services: SessionServices): ReturnAddress | undefined {
  const value = readQueryParameter(request.querystring, 'return')
  return value === undefined ? undefined : parseReturnAddress(value, services.readers.isAllowed)
}

/**
 * Returns the address to go on to: as it is where the app serves it, and with the names in its prefix encoded where that is below a
 * granted prefix (`canonicalAddress`). Any other address would be refused, and the error page would send the browser back to the mint.
 *
 * @throws GrantError `ERR_RETURN_NOT_GRANTED`; `ERR_PATH_RESERVED` for a raw `+` in the prefix.
 */
export function servedLocation(
  target: ReturnAddress,
  prefixes: readonly ResourcePrefix[],
  { config }: SessionServices,
): string {
  if (target.kind === 'allowed-origin') return target.location
  const { path, location } = target
  if (path === config.filesPage) return location
  if (config.hasApp && !config.ownPaths.some((own) => path.startsWith(own))) return location
  // The guard refuses any other spelling of a granted path.
  if (!isCanonicalPath(path)) throw new GrantError('ERR_RETURN_NOT_GRANTED')
  const served = canonicalAddress(path, config.rules)
  if (served === undefined) throw new GrantError('ERR_PATH_RESERVED')
  if (!prefixes.some((prefix) => served.startsWith(prefix))) throw new GrantError('ERR_RETURN_NOT_GRANTED')
  return served + location.slice(path.length)
}

const mintPath = '/_edge/session'

/**
 * Returns the address of the login page with `return`, or `null` if the stage has no login page. `return` names the mint and
 * not the file: the app's session alone opens no file, so cookies must be minted first. A login page on another host gets a
 * full URL, one on this host a path.
 *
 * Returns `null` also for a browser that comes from the login page. The app regards it as signed in and would send it back at
 * once, in a loop: its cookie is blocked, or its tokens are not those that this stage expects.
 */
export function loginLocation(edge: EdgeRequest, services: SessionServices): string | null {
  const { loginUrl } = services.config.session
  if (loginUrl === null || isBackFromLogin(edge.request)) return null
  const target = addressWanted(edge.request, services)
  const path = `${mintPath}?${fromLogin}${target === undefined ? '' : `&return=${encodeURIComponent(target.location)}`}`
  const back = loginUrl.startsWith('/') ? path : `https://${policyHost(services.config.hosts, edge)}${path}`
  return withParameter(loginUrl, `return=${encodeURIComponent(back)}`)
}

const fromLogin = 'from=login'

/** Returns true if the login page sent the browser here. */
export function isBackFromLogin({ path, querystring }: HttpRequest): boolean {
  return path === mintPath && querystring.split('&').includes(fromLogin)
}

/** Returns the file's own address in `gate` mode, else the address in `return`. */
export function addressWanted(request: HttpRequest, services: SessionServices): ReturnAddress | undefined {
  if (request.path.startsWith('/_edge/')) return readReturnTarget(request, services)
  const query = request.querystring === '' ? '' : `?${request.querystring}`
  for (const address of [`${request.path}${query}`, request.path]) {
    try {
      return parseReturnAddress(address, () => false)
    } catch {
      // Without a return address, signing in still works.
    }
  }
  return undefined
}

/** Adds a parameter to the query string, which ends before the fragment (RFC 3986 section 3). */
function withParameter(url: string, parameter: string): string {
  const hash = url.indexOf('#')
  const base = hash < 0 ? url : url.slice(0, hash)
  return `${base}${base.includes('?') ? '&' : '?'}${parameter}${hash < 0 ? '' : url.slice(hash)}`
}
