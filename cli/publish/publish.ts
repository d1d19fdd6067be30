import { createHash } from 'node:crypto'
import { anyContentType } from '../../shared/assets/limits.ts'
import { isPublic, type KeyPrefix, keyPath, type ObjectKey } from '../../shared/assets/object-key.ts'
import {
  type ChunkedManifest,
  chunkLength,
  chunkName,
  formatManifest,
  latestSchema,
} from '../../shared/chunked/manifest.ts'
import { AssetError } from '../../shared/errors.ts'
import type { Progress } from './progress.ts'
import { changed, type SourceFile } from './source-file.ts'
import { assetsBelow, collectPieces, keyBelow, type PublishTarget } from './target.ts'

/**
 * Publishing reads the file twice. The first pass hashes its chunks; the hashes make the manifest, and the manifest's own hash is
 * the version, so the place of every chunk is known and the same file always has the same place. The second pass uploads the
 * chunks that are not there yet, each compared with its hash of the first pass. Then come `manifest.json` and, last, `latest.json`.
 *
 * Whenever the process ends, readers see the version before: nothing refers to a version that is not complete. The next run hashes
 * again, finds the chunks of the last one by their checksums, and uploads the rest.
 */

/** Cache-Control of objects that never change, where anybody may read them. Private paths have the header of their stage. */
const immutable = 'public, max-age=31536000, immutable, no-transform'
const latestForAll = 'public, max-age=60, no-transform'
/** Not for browsers, which get the stage's header: the CDN asks the bucket each time. */
const latestForUsers = 'no-cache'

/** Max requests at once. */
const maxLanes = 8
/** Max bytes of the chunks that are held in memory at once. */
const maxHeldBytes = 128 * 1024 ** 2

/** Properties of a chunked file beyond its bytes. */
export interface PublishSettings {
  readonly folder: KeyPrefix
  readonly chunkSize: number
  readonly mimeType: string
  readonly imageId: string | undefined
}

/** Outcome of a publication. */
export interface Published {
  readonly manifest: ChunkedManifest
  readonly manifestKey: ObjectKey
  readonly latestKey: ObjectKey
  readonly uploadedChunks: number
  /** Chunks that an earlier run had uploaded. */
  readonly presentChunks: number
}

/** Publishes a file. Idempotent. @throws EdgeSignerError `ERR_FILE_CHANGED`; errors of the store. */
export async function publishFile(
  file: SourceFile,
  settings: PublishSettings,
  target: PublishTarget,
  progress: Progress,
): Promise<Published> {
  const { folder } = settings
  const manifest = await describeFile(file, settings, progress)
  await file.requireUnchanged()
  const counts = await uploadChunks(file, manifest, folder, target, progress)
  await file.requireUnchanged()
  const manifestKey = keyBelow(folder, `${manifest.version}/manifest.json`)
  const cacheControl = isPublic(folder) ? { cacheControl: immutable } : {}
  await saveJson(target, manifestKey, formatManifest(manifest), cacheControl)
  const latestKey = keyBelow(folder, 'latest.json')
  const { imageId, version } = manifest
  const latest = JSON.stringify({ schema: latestSchema, imageId, version, manifestKey })
  const isNew = await saveJson(target, latestKey, latest, {
    cacheControl: isPublic(folder) ? latestForAll : latestForUsers,
  })
  if (isNew) await target.cdn.invalidate([keyPath(latestKey)])
  return { manifest, manifestKey, latestKey, ...counts }
}

/** Version of a manifest: the hash of all its other fields, chunks included. */
export function versionOf(manifest: Omit<ChunkedManifest, 'version'>): string {
  return `m-${createHash('sha256')
    .update(formatManifest({ ...manifest, version: '' }))
    .digest('hex')}`
}

/** Number of chunks in work at once. */
export function lanesFor(chunkSize: number): number {
  return Math.max(1, Math.min(maxLanes, Math.floor(maxHeldBytes / chunkSize)))
}

/**
 * Runs work for the numbers from 0, in several lanes. Resolves or rejects when no lane is at work any more, with the first error.
 *
 * @param work receives the number and the lane.
 */
export async function inLanes(
  count: number,
  lanes: number,
  work: (index: number, lane: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const run = async (lane: number) => {
    while (next < count) {
      try {
        await work(next++, lane)
      } catch (error) {
        next = count
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(lanes, count) }, (_, lane) => run(lane)))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** Digest on a thread of its own, so that several chunks are hashed at once. */
export async function sha256Of(bytes: Uint8Array): Promise<Buffer> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
}

async function describeFile(
  file: SourceFile,
  { chunkSize, mimeType, imageId }: PublishSettings,
  progress: Progress,
): Promise<ChunkedManifest> {
  const { totalSize } = file
  const chunkCount = Math.ceil(totalSize / chunkSize)
  const sizes = { totalSize, chunkSize, chunkCount }
  const sha256: string[] = new Array(chunkCount)
  const buffers = buffersFor(chunkSize, totalSize)
  progress.begin('Hashing', totalSize)
  await inLanes(chunkCount, buffers.length, async (index, lane) => {
    const bytes = (buffers[lane] as Uint8Array).subarray(0, chunkLength(sizes, index))
    await file.readInto(bytes, index * chunkSize)
    sha256[index] = (await sha256Of(bytes)).toString('hex')
    progress.add(bytes.length)
  })
  const chunkIndexWidth = Math.max(8, String(chunkCount - 1).length)
  const described = { imageId, mimeType, ...sizes, chunkIndexWidth, sha256 }
  return { ...described, version: versionOf(described) }
}

async function uploadChunks(
  file: SourceFile,
  manifest: ChunkedManifest,
  folder: KeyPrefix,
  target: PublishTarget,
  progress: Progress,
): Promise<{ uploadedChunks: number; presentChunks: number }> {
  const { store } = target
  const { version, totalSize, chunkSize, chunkCount } = manifest
  const present = await listSizes(target, keyBelow(folder, `${version}/chunks`))
  const buffers = buffersFor(chunkSize, totalSize)
  const cacheControl = isPublic(folder) ? { cacheControl: immutable } : {}
  let presentChunks = 0
  progress.begin('Uploading', totalSize)
  await inLanes(chunkCount, buffers.length, async (index, lane) => {
    const key = keyBelow(folder, `${version}/${chunkName(manifest, index)}`)
    const size = chunkLength(manifest, index)
    const expected = Buffer.from(manifest.sha256[index] ?? '', 'hex')
    const isThere = present.has(key)
    if (isThere && present.get(key) === size && (await isStored(target, key, size, expected))) presentChunks++
    else {
      const bytes = (buffers[lane] as Uint8Array).subarray(0, size)
      await file.readInto(bytes, index * chunkSize)
      if (!expected.equals(await sha256Of(bytes))) throw changed()
      const options = { overwrite: isThere, sha256: expected.toString('base64'), ...cacheControl }
      try {
        await store.save(key, bytes, anyContentType, options)
      } catch (error) {
        // Another run publishes the same file, and was first.
        const isTaken = error instanceof AssetError && error.code === 'ERR_ASSET_EXISTS'
        if (!isTaken || !(await isStored(target, key, size, expected))) throw error
      }
    }
    progress.add(size)
  })
  return { uploadedChunks: chunkCount - presentChunks, presentChunks }
}

/** Sizes of what an earlier run left, by key. */
async function listSizes({ store }: PublishTarget, folder: ObjectKey): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  for await (const { key, size } of assetsBelow(store, folder)) sizes.set(key, size)
  return sizes
}

/** Returns whether the bytes at a key have a hash; reads them if the store has no checksum of them. */
async function isStored(target: PublishTarget, key: ObjectKey, size: number, expected: Buffer): Promise<boolean> {
  const asset = await target.store.describe(key)
  if (asset?.size !== size) return false
  if (asset.checksum?.algorithm === 'SHA256') return asset.checksum.value === expected.toString('base64')
  const pieces = await target.read(key)
  if (pieces === undefined) return false
  return expected.equals(await sha256Of(await collectPieces(pieces, size)))
}

/** Saves a document unless the same one is there. Returns whether it was written. */
async function saveJson(
  target: PublishTarget,
  key: ObjectKey,
  text: string,
  options: { readonly cacheControl?: string },
): Promise<boolean> {
  const bytes = Buffer.from(text)
  const digest = await sha256Of(bytes)
  if (await isStored(target, key, bytes.length, digest)) return false
  await target.store.save(key, bytes, 'application/json', {
    overwrite: true,
    sha256: digest.toString('base64'),
    ...options,
  })
  return true
}

function buffersFor(chunkSize: number, totalSize: number): Uint8Array[] {
  const lanes = Math.min(lanesFor(chunkSize), Math.ceil(totalSize / chunkSize))
  return Array.from({ length: lanes }, () => new Uint8Array(Math.min(chunkSize, totalSize)))
}
