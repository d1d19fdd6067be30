import { AssetError } from '../errors.ts'
import type { Grant } from '../grant/resource-prefix.ts'
import { isBelow, isPublic, type KeyPrefix, type ObjectKey } from './object-key.ts'

/** The user who acts, with the prefixes and scopes of the session. */
export interface Actor {
  readonly sub: string
  readonly grants: readonly Grant[]
  readonly scopes: ReadonlySet<string>
}

/**
 * Checks that the actor may write to a key. A key of another user and a key without an asset both answer 404, so that nobody
 * learns which assets others have. Never 403: the distribution replaces every 403 by the sign-in page.
 *
 * @returns the number of leading segments that are the granted prefix.
 * @throws AssetError `ERR_ASSET_NOT_FOUND`; `ERR_SCOPE` below `public/`.
 */
export function requireAccess(actor: Actor, key: ObjectKey | KeyPrefix, publicScope: string): number {
  if (isPublic(key)) {
    if (!actor.scopes.has(publicScope)) throw new AssetError('ERR_SCOPE')
    return 1
  }
  const grant = actor.grants.find(({ prefix }) => isBelow(key, prefix))
  if (grant === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  // '/users/alice/' has three slashes and two segments.
  return grant.prefix.split('/').length - 2
}

/** Checks that the actor may read a key; everybody may read public ones. @throws AssetError `ERR_ASSET_NOT_FOUND`. */
export function requireRead(actor: Actor, key: ObjectKey): void {
  if (isPublic(key) || actor.grants.some(({ prefix }) => isBelow(key, prefix))) return
  throw new AssetError('ERR_ASSET_NOT_FOUND')
}
