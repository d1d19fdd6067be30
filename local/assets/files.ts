import { createHash } from 'node:crypto'
import { constants, copyFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Asset, WriteOptions } from '../../shared/assets/asset-store.ts'
import type { ObjectKey } from '../../shared/assets/object-key.ts'
import { AssetError } from '../../shared/errors.ts'
import { readAssetFacts } from './fingerprint.ts'
import { assetPath, type LocalLocation } from './location.ts'
import { draftPath, placeFile, removeName } from './place.ts'
import { keepRecordOf, readRecord, removeEmptyFolders } from './records.ts'

/** What lies at a key. */
export async function describeFile(location: LocalLocation, key: ObjectKey): Promise<Asset | undefined> {
  const facts = await readAssetFacts(location, key)
  if (facts === undefined) return undefined
  const { size, etag, lastModified } = facts
  return { key, size, etag, lastModified, ...(await readRecord(location, key, facts)) }
}

/** Writes a small file at once. */
export async function saveFile(
  location: LocalLocation,
  key: ObjectKey,
  body: Uint8Array,
  contentType: string,
  { overwrite }: WriteOptions,
): Promise<Asset> {
  const checksum = { algorithm: 'SHA256', value: createHash('sha256').update(body).digest('base64') } as const
  return withDraft(location, async (draft) => {
    await writeFile(draft, body, { mode: 0o644 })
    return placeFile(location, draft, key, { contentType, checksum, uploadId: undefined }, overwrite)
  })
}

/** Removes what is at a key, with its records and the folders that it leaves empty. */
export async function deleteFile(location: LocalLocation, key: ObjectKey): Promise<boolean> {
  if ((await readAssetFacts(location, key)) === undefined) return false
  const path = assetPath(location, key)
  const removed = await removeName(path)
  await keepRecordOf(location, key, undefined)
  await removeEmptyFolders(dirname(path), location.content)
  return removed
}

/** A copy with blocks shared where the file system can do that. */
export async function copyFileTo(
  location: LocalLocation,
  from: ObjectKey,
  to: ObjectKey,
  { overwrite }: WriteOptions,
): Promise<Asset> {
  const source = await requireSource(location, from, to)
  return withDraft(location, async (draft) => {
    await copyFile(assetPath(location, from), draft, constants.COPYFILE_FICLONE)
    return placeFile(location, draft, to, { ...source, uploadId: undefined }, overwrite)
  })
}

/** The file itself under another key; nothing is copied. */
export async function moveFile(
  location: LocalLocation,
  from: ObjectKey,
  to: ObjectKey,
  { overwrite }: WriteOptions,
): Promise<Asset> {
  const source = await requireSource(location, from, to)
  const asset = await placeFile(location, assetPath(location, from), to, { ...source, uploadId: undefined }, overwrite)
  await deleteFile(location, from)
  return asset
}

async function requireSource(location: LocalLocation, from: ObjectKey, to: ObjectKey) {
  const source = await describeFile(location, from)
  if (source === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  // A move would delete the file that it has just put there.
  if (from === to) throw new AssetError('ERR_ASSET_EXISTS')
  const { contentType, checksum } = source
  return { contentType, checksum }
}

async function withDraft<T>(location: LocalLocation, work: (draft: string) => Promise<T>): Promise<T> {
  const draft = draftPath(location)
  try {
    return await work(draft)
  } finally {
    await rm(draft, { force: true })
  }
}
