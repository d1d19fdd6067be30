import type { Grant } from '../../shared/grant/resource-prefix.ts'
import { isCanonicalPath } from '../../shared/http/canonical-path.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { readQueryParameter } from '../../shared/http/query.ts'
import { parseReturnAddress, type ReturnAddress } from '../../shared/http/return-address.ts'
import type { SessionServices } from './services.ts'

/**
 * The address in the `return` parameter; `undefined` without one.
 *
 * @throws RequestError `ERR_RETURN_INVALID`, `ERR_REQUEST_INVALID`.
 */
export function readReturnTarget(request: HttpRequest, services: SessionServices): ReturnAddress | undefined {
  const value = readQueryParameter(request.querystring, 'return')
  return value === undefined ? undefined : parseReturnAddress(value, services.isAllowedOrigin)
}

/**
 * Whether the cookies of these grants help at the address, or it needs none: it lies below a granted prefix, or belongs to
 * the app. Anything else would be refused there, and the error page would send the browser back here.
 */
export function isServed(target: ReturnAddress, grants: readonly Grant[], services: SessionServices): boolean {
  if (target.kind === 'allowed-origin') return true
  // Another spelling of a granted path is refused there, by the same rule.
  if (grants.some(({ prefix }) => target.path.startsWith(prefix))) return isCanonicalPath(target.path)
  return services.config.hasApp && !services.config.ownPaths.some((path) => target.path.startsWith(path))
}
