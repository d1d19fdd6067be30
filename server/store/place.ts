import { link, open, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Asset } from '../../shared/assets/asset-store.ts'
import type { ObjectKey } from '../../shared/assets/object-key.ts'
import { AssetError } from '../../shared/errors.ts'
import { errorName } from './faults.ts'
import { hasLinkOnTheWay, readFacts } from './fingerprint.ts'
import { assetPath, draftPath, type LocalLocation } from './location.ts'
import { nextModification, setModification } from './modification-time.ts'
import {
  type AssetRecord,
  dropRecord,
  intoFolder,
  keepRecordOf,
  readRecord,
  removeEmptyFolders,
  writeRecord,
} from './records.ts'

/** How a file comes to a key. */
export interface PlaceOptions {
  readonly overwrite: boolean
  /** Epoch seconds. */
  readonly now: number
}

/**
 * Lets a finished file appear at its key in one step that nobody sees half of. The file at `source` stays where it is. The key must
 * be locked (`withKeys`).
 *
 * `link` fails where something is at the key, which is what makes "nothing is overwritten" hold between processes; `rename`, which
 * replaces silently, is used only where overwriting was asked for.
 *
 * @throws AssetError `ERR_ASSET_EXISTS`.
 */
export async function placeFile(
  location: LocalLocation,
  source: string,
  key: ObjectKey,
  declared: AssetRecord,
  { overwrite, now }: PlaceOptions,
): Promise<Asset> {
  const target = assetPath(location, key)
  const record = { ...declared, writtenAt: now }
  await requireNoLink(location, key)
  // Before the time is set: another name of the source may be what is at the key.
  if (!overwrite && (await readFacts(target)) !== undefined) throw new AssetError('ERR_ASSET_EXISTS')
  await setModification(source, await nextModification(location, key, now))
  await flush(source)
  const facts = await readFacts(source)
  if (facts === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  await writeRecord(location, key, facts, record)
  try {
    await intoFolder(dirname(target), () => (overwrite ? replace(location, source, target) : link(source, target)))
  } catch (error) {
    await removeEmptyFolders(dirname(target), location.content)
    // Another process may have put this very file there meanwhile; then the record is that file's.
    if ((await readFacts(target))?.fingerprint !== facts.fingerprint) await dropRecord(location, key, facts)
    throw error
  }
  await keepRecordOf(location, key, facts)
  // What was there before may have been dropped as the record of a file that is gone.
  await writeRecord(location, key, facts, record)
  const { size, etag, lastModified } = facts
  return { key, size, etag, lastModified, ...(await readRecord(location, key, facts)) }
}

/**
 * Where a file could never be placed: a folder of the key is a file, or leads elsewhere.
 *
 * @throws AssetError `ERR_ASSET_EXISTS`.
 */
export async function requirePlace(location: LocalLocation, key: ObjectKey): Promise<void> {
  await requireNoLink(location, key)
  const segments = key.split('/')
  for (let depth = 1; depth <= segments.length; depth++) {
    const kind = await stat(join(location.content, ...segments.slice(0, depth))).catch((error: unknown) => {
      if (errorName(error) === 'ENOENT') return undefined
      throw error
    })
    if (kind === undefined) return
    if (depth < segments.length ? !kind.isDirectory() : kind.isDirectory()) throw new AssetError('ERR_ASSET_EXISTS')
  }
}

async function requireNoLink(location: LocalLocation, key: ObjectKey): Promise<void> {
  if (await hasLinkOnTheWay(location, key)) throw new AssetError('ERR_ASSET_EXISTS')
}

/** A second name, then a rename over what is there: readers have the old file or the new one. */
async function replace(location: LocalLocation, source: string, target: string): Promise<void> {
  const draft = draftPath(location)
  await link(source, draft)
  try {
    await rename(draft, target)
  } finally {
    // Two names of one file are left as they are by `rename`.
    await rm(draft, { force: true })
  }
}

/** A name must not outlive a power cut that its bytes do not. */
async function flush(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** Removes a name; whether there was one. */
export async function removeName(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(errorName(error))) return false
    throw error
  }
}
