import { AssetError } from '../errors.ts'
import { encodePathSegment, parseResourcePrefix, type ResourcePrefix } from '../grant/resource-prefix.ts'
import { maxKeyBytes } from './limits.ts'

declare const brand: unique symbol

/** A key such as `users/alice/photo.jpg`, decoded, without a leading `/`. Made by `parseObjectKey` only. */
export type ObjectKey = string & { readonly [brand]: 'ObjectKey' }

/** Prefix of a listing, such as `users/alice/` or `users/alice/pho`. Made by `parseKeyPrefix` only. */
export type KeyPrefix = string & { readonly [brand]: 'KeyPrefix' }

/** First segments that belong to the service: nothing a user names may land there. */
export const reservedSegments: readonly string[] = ['_edge', '_incoming', '_state']

/** Everything that anybody may read without a signature lies here. */
export const publicPrefix = 'public/'

/**
 * Parses a key that came from outside.
 *
 * A key becomes a path of the CDN, a line of a policy and a name in a file system. So each segment must be one that
 * `encodePathSegment` takes: no `.` and `..`, no empty segment, no `\`, control character, lone surrogate or U+FFFD; and no `*`
 * or `?`, which in a signed URL would be wildcards and open other keys.
 *
 * @param maxBytes the most bytes of UTF-8; a store with a key prefix has fewer than 1,024.
 * @throws AssetError `ERR_KEY_INVALID`, or `ERR_KEY_RESERVED` below `_edge/`, `_incoming/` and `_state/`.
 */
export function parseObjectKey(value: string, maxBytes: number = maxKeyBytes): ObjectKey {
  if (!isKeyPath(value, maxBytes)) throw new AssetError('ERR_KEY_INVALID')
  // One segment alone would lie beside every prefix, where no grant reaches.
  if (!value.includes('/')) throw new AssetError('ERR_KEY_INVALID')
  refuseReserved(value)
  return value as ObjectKey
}

/** Parses the prefix of a list: a key, or the beginning of one; it may end in `/`. Same errors as `parseObjectKey`. */
export function parseKeyPrefix(value: string, maxBytes: number = maxKeyBytes): KeyPrefix {
  const body = value.endsWith('/') ? value.slice(0, -1) : value
  if (!isKeyPath(body, maxBytes - 1)) throw new AssetError('ERR_KEY_INVALID')
  refuseReserved(value)
  return value as KeyPrefix
}

/** The path of a key on the CDN: `/users/alice/a%20b.jpg`, in the one spelling that cookies, policies and guard share. */
export function keyPath(key: ObjectKey | KeyPrefix): string {
  const folder = key.endsWith('/')
  const segments = (folder ? key.slice(0, -1) : key).split('/')
  return `/${segments.map(encodePathSegment).join('/')}${folder ? '/' : ''}`
}

/**
 * The prefix of the CDN below which the keys of a folder lie: `users/a@b/` is `/users/a%40b/`.
 *
 * @param folder ends in `/`.
 * @throws AssetError `ERR_KEY_INVALID` where it is longer than a `ResourcePrefix`, 400 bytes with its encoding.
 */
export function folderPath(folder: KeyPrefix): ResourcePrefix {
  try {
    return parseResourcePrefix(keyPath(folder))
  } catch (cause) {
    throw new AssetError('ERR_KEY_INVALID', undefined, { cause })
  }
}

/** Returns true if a grant covers a key or every key of a list. */
export function isBelow(key: ObjectKey | KeyPrefix, prefix: ResourcePrefix): boolean {
  return keyPath(key).startsWith(prefix)
}

/** Returns true if the key lies where no signature is asked for. */
export function isPublic(key: string): boolean {
  return key.startsWith(publicPrefix)
}

function isKeyPath(value: string, maxBytes: number): boolean {
  // The first test keeps the others short; UTF-8 never has fewer bytes than UTF-16 has units.
  if (value.length > maxBytes || Buffer.byteLength(value) > maxBytes) return false
  // U+FFFD is what a decoder writes where bytes were no UTF-8: the client meant another key, and several become one.
  if (value.includes('\ufffd')) return false
  return value.split('/').every(isSegment)
}

function isSegment(segment: string): boolean {
  try {
    encodePathSegment(segment)
    return true
  } catch {
    return false
  }
}

function refuseReserved(value: string): void {
  const first = value.split('/', 1)[0] ?? ''
  // A case-insensitive file system (macOS) would take `_STATE` for `_state`.
  if (reservedSegments.includes(first.toLowerCase())) throw new AssetError('ERR_KEY_RESERVED')
}
