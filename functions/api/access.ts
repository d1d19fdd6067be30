import { isBelow, isPublic, type KeyPrefix, type ObjectKey } from '../../shared/assets/object-key.ts'
import { AssetError } from '../../shared/errors.ts'
import type { Actor } from './actor.ts'

/**
 * Whether the actor may act on a key. Somebody else's key and a key where nothing is look the same (404), so that nobody
 * learns what others have. Never 403: the distribution maps every 403 to the sign-in page.
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

/** Whether the actor may read a key: what is public anybody may. @throws AssetError `ERR_ASSET_NOT_FOUND`. */
export function requireRead(actor: Actor, key: ObjectKey): void {
  if (isPublic(key) || actor.grants.some(({ prefix }) => isBelow(key, prefix))) return
  throw new AssetError('ERR_ASSET_NOT_FOUND')
}
