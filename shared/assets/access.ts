import { AssetError } from '../errors.ts'
import type { Grant } from '../grant/resource-prefix.ts'
import { isBelow, isPublic, type KeyPrefix, type ObjectKey } from './object-key.ts'

/** The user who acts, with the rights and scopes of the session. */
export interface Actor {
  readonly sub: string
  readonly grants: readonly Grant[]
  readonly scopes: ReadonlySet<string>
}

/** Facts about a file that limits of a grant are compared with. */
export interface FileFacts {
  /** Bytes; `undefined` if the client does not know it. */
  readonly size: number | undefined
  readonly contentType: string
}

/**
 * Checks that the actor may list a prefix or sign for all of it. A key of another user and a key without an asset both answer 404,
 * so that nobody learns which assets others have. Never 403: the distribution replaces every 403 by the sign-in page.
 *
 * @throws AssetError `ERR_ASSET_NOT_FOUND`; `ERR_SCOPE` below `public/`.
 */
export function requireFolder(actor: Actor, prefix: KeyPrefix, publicScope: string): void {
  if (!isPublic(prefix)) grantsOver(actor, prefix)
  else if (!actor.scopes.has(publicScope)) throw new AssetError('ERR_SCOPE')
}

/**
 * Checks that the actor may write to a key.
 *
 * @returns the number of leading segments that are the granted prefix, the broadest one.
 * @throws AssetError `ERR_ASSET_NOT_FOUND` where the actor may not even read the key; `ERR_READ_ONLY`; `ERR_SCOPE` below `public/`.
 */
export function requireWrite(actor: Actor, key: ObjectKey, publicScope: string): number {
  if (isPublic(key)) {
    if (!actor.scopes.has(publicScope)) throw new AssetError('ERR_SCOPE')
    return 1
  }
  const grants = grantsOver(actor, key)
  if (!grants.some(mayWrite)) throw new AssetError('ERR_READ_ONLY')
  // '/users/alice/' has three slashes and two segments.
  return Math.min(...grants.map(({ prefix }) => prefix.split('/').length - 2))
}

/** Checks that the actor may read a key; everybody may read public ones. @throws AssetError `ERR_ASSET_NOT_FOUND`. */
export function requireRead(actor: Actor, key: ObjectKey): void {
  if (!isPublic(key)) grantsOver(actor, key)
}

/** Returns true for a grant that allows uploads, copies, moves and deletions. */
export function mayWrite({ access }: Grant): boolean {
  return access === 'read-write'
}

/**
 * Checks a file against the limits of the grants that allow writing to its key. It must keep to those of one grant.
 *
 * @returns the most bytes that the file may have.
 * @throws AssetError `ERR_CONTENT_TYPE_REFUSED`, `ERR_TOO_LARGE`.
 */
export function requireWithinLimits(actor: Actor, key: ObjectKey, { size, contentType }: FileFacts): number {
  if (isPublic(key)) return Number.MAX_SAFE_INTEGER
  const limits = grantsOver(actor, key)
    .filter(mayWrite)
    .map(({ upload }) => upload)
  const ofType = limits.filter((limit) => limit?.contentTypes?.some((range) => isOfType(contentType, range)) ?? true)
  if (ofType.length === 0) throw new AssetError('ERR_CONTENT_TYPE_REFUSED')
  const maxBytes = Math.max(...ofType.map((limit) => limit?.maxBytes ?? Number.MAX_SAFE_INTEGER))
  if ((size ?? 0) > maxBytes) throw new AssetError('ERR_TOO_LARGE')
  return maxBytes
}

/** `image/png` is of the ranges `image/png` and `image/*`; parameters do not count (RFC 9110 section 12.5.1). */
function isOfType(contentType: string, range: string): boolean {
  const type = contentType.split(';', 1)[0]?.trimEnd() ?? ''
  return range.endsWith('/*') ? type.startsWith(range.slice(0, -1)) : type === range
}

function grantsOver(actor: Actor, key: ObjectKey | KeyPrefix): readonly Grant[] {
  const grants = actor.grants.filter(({ prefix }) => isBelow(key, prefix))
  if (grants.length === 0) throw new AssetError('ERR_ASSET_NOT_FOUND')
  return grants
}
