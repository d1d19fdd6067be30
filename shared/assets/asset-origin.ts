import { createHash } from 'node:crypto'
import type { ObjectKey } from './object-key.ts'

/** Copying keeps the source, moving removes it. */
export type TransferKind = 'copy' | 'move'

/** The transfer that made an asset, in digests of fixed length: metadata of an object has 2 KB, a key alone may have 1,024 bytes. */
export interface AssetOrigin {
  /** Of the kind of the transfer and the key of its source. */
  readonly source: string
  /** Of the state of the source that was copied. */
  readonly version: string
}

/** Values that distinguish one state of an asset from another. */
interface SourceState {
  readonly etag: string
  readonly lastModified: number
}

/** The origin that is recorded on the target of a transfer. */
export function originOf(kind: TransferKind, from: ObjectKey, { etag, lastModified }: SourceState): AssetOrigin {
  return { source: digest(kind, from), version: digest(etag, String(lastModified)) }
}

/**
 * Returns whether an asset is what a transfer would make, so that repeating it succeeds. A client whose answer was lost
 * cannot tell its own success from a key that is taken.
 *
 * @param source what is at the source's key now. A move that was completed left nothing there.
 */
export function isResultOf(
  kind: TransferKind,
  from: ObjectKey,
  source: SourceState | undefined,
  target: { readonly origin?: AssetOrigin | undefined } | undefined,
): boolean {
  const origin = target?.origin
  if (origin === undefined || origin.source !== digest(kind, from)) return false
  return source === undefined ? kind === 'move' : origin.version === originOf(kind, from, source).version
}

function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
