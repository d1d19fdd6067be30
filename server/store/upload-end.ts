import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Crc64Nvme } from '@aws-sdk/checksums/crc'
import type { UploadEnd } from '../../shared/assets/asset-store.ts'
import type { ObjectKey } from '../../shared/assets/object-key.ts'
import type { Checksum, ChecksumAlgorithm } from '../../shared/assets/upload.ts'
import { readAssetFacts } from './fingerprint.ts'
import type { LocalLocation } from './location.ts'
import { readRecord } from './records.ts'
import { endTicket, isUploadId } from './tickets.ts'

/** Names that upload servers give to their notes about `<id>`: tusd's, and those of the embedded server. */
const notes = ['.info', '.json'] as const

/** Where the bytes of an upload arrive. */
export function incomingPath({ area }: LocalLocation, id: string): string {
  return join(area.incoming, id)
}

/** Ends an upload: written down first, then the bytes are dropped. The ticket stays until its end, so that it stays used. */
export async function endUpload(location: LocalLocation, id: string, how: UploadEnd, now: number): Promise<void> {
  await endTicket(location, id, how, now)
  await dropBytes(location, id)
}

/** Ends the upload that published what is at a key, before that is removed or replaced (see `AssetStore`). */
export async function endUploadAt(location: LocalLocation, key: ObjectKey, now: number): Promise<void> {
  const facts = await readAssetFacts(location, key)
  if (facts === undefined) return
  const { uploadId } = await readRecord(location, key, facts)
  if (uploadId !== undefined) await endUpload(location, uploadId, 'published', now)
}

/** Drops what has arrived of an upload, and the upload server's notes. */
export async function dropBytes(location: LocalLocation, id: string): Promise<void> {
  if (!isUploadId(id)) return
  await dropNotes(location, id)
  const path = incomingPath(location, id)
  forgetChecksum(path)
  for (const name of [`${path}.lock`, path]) await rm(name, { force: true })
}

/**
 * Makes an upload unknown to the upload server, which has all of its bytes. From then on this service answers `HEAD`: the upload server
 * would call it finished for a week, and clients would not send the same file again.
 */
export async function dropNotes(location: LocalLocation, id: string): Promise<void> {
  if (!isUploadId(id)) return
  for (const note of notes) await rm(incomingPath(location, id) + note, { force: true })
}

const known = new Map<string, { readonly fingerprint: string; readonly checksum: Promise<Checksum> }>()

/** The checksum of a file in one state. Read once: publishing, confirming and a second confirm all ask. */
export function knownChecksum(path: string, algorithm: ChecksumAlgorithm, fingerprint: string): Promise<Checksum> {
  const there = known.get(path)
  if (there?.fingerprint === fingerprint) return there.checksum
  const checksum = fileChecksum(path, algorithm)
  known.set(path, { fingerprint, checksum })
  checksum.catch(() => known.delete(path))
  return checksum
}

/** Forgets the checksum of a file that is gone. */
function forgetChecksum(path: string): void {
  known.delete(path)
}

/** The checksum of a whole file, read once in pieces. */
async function fileChecksum(path: string, algorithm: ChecksumAlgorithm): Promise<Checksum> {
  const pieces = createReadStream(path, { highWaterMark: 256 * 1024 })
  if (algorithm === 'SHA256') {
    const hash = createHash('sha256')
    for await (const piece of pieces) hash.update(piece as Buffer)
    return { algorithm, value: hash.digest('base64') }
  }
  const crc = new Crc64Nvme()
  for await (const piece of pieces) crc.update(piece as Buffer)
  return { algorithm, value: Buffer.from(await crc.digest()).toString('base64') }
}
