import type { BigIntStats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { ObjectKey } from '../../shared/assets/object-key.ts'
import { unlessMissing } from './faults.ts'
import { assetPath, type LocalLocation } from './location.ts'

/** A regular file, as the system describes it. */
export interface FileFacts {
  readonly size: number
  /** Epoch seconds. */
  readonly lastModified: number
  /** The entity tag that nginx makes of the same file: time and size in hexadecimal. */
  readonly etag: string
  /** Differs as soon as the file was replaced or written to. Begins with the version. */
  readonly fingerprint: string
  /** Size and time: what a copy of the file keeps. Two files that were written in one tick of the clock may share it. */
  readonly version: string
  /** The same for every name of one file. */
  readonly inode: bigint
}

/** The facts of a file; `undefined` for anything that is not one. Links are not followed. */
export async function readFacts(path: string): Promise<FileFacts | undefined> {
  const stats = await unlessMissing(lstat(path, { bigint: true }))
  return stats?.isFile() ? factsOf(stats) : undefined
}

/**
 * The facts of the file at a key. A link among its folders could lead out of the content, so there is nothing behind one; nginx
 * does the same (`disable_symlinks`).
 */
export async function readAssetFacts(location: LocalLocation, key: ObjectKey): Promise<FileFacts | undefined> {
  if (await hasLinkOnTheWay(location, key)) return undefined
  return readFacts(assetPath(location, key))
}

/** Whether a folder of the key is a symbolic link. */
export async function hasLinkOnTheWay({ content }: LocalLocation, key: ObjectKey): Promise<boolean> {
  let path = content
  for (const segment of key.split('/').slice(0, -1)) {
    path = join(path, segment)
    const stats = await unlessMissing(lstat(path))
    if (stats === undefined) return false
    if (stats.isSymbolicLink()) return true
  }
  return !path.startsWith(`${content}${sep}`)
}

/** The facts that a file will have when its modification time is set. */
export function factsAt({ size, inode }: FileFacts, seconds: number): FileFacts {
  return factsOf({ size: BigInt(size), mtimeNs: BigInt(seconds) * 1_000_000_000n, ino: inode })
}

function factsOf({ size, mtimeNs, ino }: Pick<BigIntStats, 'size' | 'mtimeNs' | 'ino'>): FileFacts {
  const seconds = mtimeNs / 1_000_000_000n
  const version = `${size.toString(36)}-${mtimeNs.toString(36)}`
  return {
    size: Number(size),
    lastModified: Number(seconds),
    etag: `"${seconds.toString(16)}-${size.toString(16)}"`,
    fingerprint: `${version}-${ino.toString(36)}`,
    version,
    inode: ino,
  }
}
