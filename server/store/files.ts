import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { constants, copyFile, open, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isResultOf, originOf, type TransferKind } from '../../shared/assets/asset-origin.ts'
import type { Asset } from '../../shared/assets/asset-store.ts'
import type { ObjectKey } from '../../shared/assets/object-key.ts'
import { AssetError } from '../../shared/errors.ts'
import { factsAt, readAssetFacts } from './fingerprint.ts'
import { assetPath, draftPath, type LocalLocation, withKeys } from './location.ts'
import { nextModification, rememberRemoved, setModification } from './modification-time.ts'
import { type PlaceOptions, placeFile, removeName, requirePlace } from './place.ts'
import { type AssetRecord, keepRecordOf, readRecord, removeEmptyFolders, writeRecord } from './records.ts'
import { endUploadAt } from './upload-end.ts'

/** What is at a key. Read again where the file was replaced between the looks at it and at its record. */
export async function describeFile(location: LocalLocation, key: ObjectKey): Promise<Asset | undefined> {
  for (;;) {
    const facts = await readAssetFacts(location, key)
    if (facts === undefined) return undefined
    const record = await readRecord(location, key, facts)
    if ((await readAssetFacts(location, key))?.fingerprint !== facts.fingerprint) continue
    const { size, etag, lastModified } = facts
    return { key, size, etag, lastModified, ...record }
  }
}

/** Pieces of the file at a key. `undefined` where there is none. */
export async function readFilePieces(
  location: LocalLocation,
  key: ObjectKey,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  if ((await readAssetFacts(location, key)) === undefined) return undefined
  return createReadStream(assetPath(location, key), { highWaterMark: 1024 ** 2 })
}

/**
 * Writes a small file at once.
 *
 * @param options `sha256`: base64, if the caller has computed it.
 */
export async function saveFile(
  location: LocalLocation,
  key: ObjectKey,
  body: Uint8Array,
  contentType: string,
  options: PlaceOptions & { readonly sha256?: string },
): Promise<Asset> {
  const value = options.sha256 ?? createHash('sha256').update(body).digest('base64')
  const checksum = { algorithm: 'SHA256', value } as const
  return withDraft(location, async (draft) => {
    await writeFile(draft, body, { mode: 0o644 })
    const record = { contentType, checksum, uploadId: undefined }
    return withKeys(location, [key], () => putFile(location, draft, key, record, options))
  })
}

/** Writes a stream; the file appears when the stream has ended, and where it fails nothing is left. */
export async function saveStreamToFile(
  location: LocalLocation,
  key: ObjectKey,
  pieces: AsyncIterable<Uint8Array>,
  contentType: string,
  options: PlaceOptions,
): Promise<Asset> {
  await requirePlace(location, key)
  // Refused before the bytes are read. The link decides in the end.
  if (!options.overwrite && (await readAssetFacts(location, key)) !== undefined)
    throw new AssetError('ERR_ASSET_EXISTS')
  return withDraft(location, async (draft) => {
    const hash = createHash('sha256')
    const hashed = async function* () {
      for await (const piece of pieces) {
        hash.update(piece)
        yield piece
      }
    }
    // Made before the stream is read: a source that fails at once would be tidied up before the file is there.
    const file = await open(draft, 'wx', 0o644)
    await pipeline(hashed(), file.createWriteStream())
    const checksum = { algorithm: 'SHA256', value: hash.digest('base64') } as const
    const record = { contentType, checksum, uploadId: undefined }
    return withKeys(location, [key], () => putFile(location, draft, key, record, options))
  })
}

/** Removes what is at a key, with its records and the folders that it leaves empty. */
export async function deleteFile(location: LocalLocation, key: ObjectKey, now: number): Promise<boolean> {
  return withKeys(location, [key], () => removeFile(location, key, now))
}

/** A copy with blocks shared where the file system can do that. */
export async function copyFileTo(
  location: LocalLocation,
  from: ObjectKey,
  to: ObjectKey,
  options: PlaceOptions,
): Promise<Asset> {
  return withKeys(location, [from, to], async () => {
    const transfer = await beginTransfer(location, 'copy', from, to)
    if (transfer.earlier !== undefined) return transfer.earlier
    return withDraft(location, async (draft) => {
      await copyFile(assetPath(location, from), draft, constants.COPYFILE_FICLONE)
      return putFile(
        location,
        draft,
        to,
        { ...transfer.record, origin: originOf('copy', from, transfer.source) },
        options,
      )
    })
  })
}

/** The file itself under another key; nothing is copied. */
export async function moveFile(
  location: LocalLocation,
  from: ObjectKey,
  to: ObjectKey,
  options: PlaceOptions,
): Promise<Asset> {
  return withKeys(location, [from, to], async () => {
    const transfer = await beginTransfer(location, 'move', from, to)
    if (transfer.earlier !== undefined) {
      await removeFile(location, from, options.now)
      return transfer.earlier
    }
    if (!options.overwrite && (await readAssetFacts(location, to)) !== undefined)
      throw new AssetError('ERR_ASSET_EXISTS')
    // Source and target are one file with one time. Set while the source's record for that time is there, so that a crash leaves the
    // source as it was, a little newer.
    const facts = await readAssetFacts(location, from)
    if (facts === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
    const seconds = Math.max(facts.lastModified, await nextModification(location, to, options.now))
    const next = factsAt(facts, seconds)
    await writeRecord(location, from, next, await readRecord(location, from, facts))
    await setModification(assetPath(location, from), seconds)
    const record = { ...transfer.record, origin: originOf('move', from, next) }
    const asset = await putFile(location, assetPath(location, from), to, record, { ...options, now: seconds })
    await removeFile(location, from, options.now)
    return asset
  })
}

/** Lets a file appear at a key that is locked. */
async function putFile(
  location: LocalLocation,
  source: string,
  key: ObjectKey,
  record: AssetRecord,
  options: PlaceOptions,
): Promise<Asset> {
  if (options.overwrite) await endUploadAt(location, key, options.now)
  return placeFile(location, source, key, record, options)
}

async function removeFile(location: LocalLocation, key: ObjectKey, now: number): Promise<boolean> {
  if ((await readAssetFacts(location, key)) === undefined) return false
  await endUploadAt(location, key, now)
  await rememberRemoved(location, key)
  const path = assetPath(location, key)
  const removed = await removeName(path)
  await keepRecordOf(location, key, undefined)
  await removeEmptyFolders(dirname(path), location.content)
  return removed
}

/** What a transfer works on: `earlier` where its target is there already, made by an earlier try. */
async function beginTransfer(location: LocalLocation, kind: TransferKind, from: ObjectKey, to: ObjectKey) {
  const source = await describeFile(location, from)
  // A move would delete the file that it has just put there.
  if (from === to) throw new AssetError(source === undefined ? 'ERR_ASSET_NOT_FOUND' : 'ERR_ASSET_EXISTS')
  const target = await describeFile(location, to)
  if (target !== undefined && isResultOf(kind, from, source, target)) return { earlier: target }
  if (source === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  const { contentType, checksum } = source
  return { earlier: undefined, source, record: { contentType, checksum, uploadId: undefined } }
}

async function withDraft<T>(location: LocalLocation, work: (draft: string) => Promise<T>): Promise<T> {
  const draft = draftPath(location)
  try {
    return await work(draft)
  } finally {
    await rm(draft, { force: true })
  }
}
