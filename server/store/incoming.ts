import type { Asset, IncomingFile } from '../../shared/assets/asset-store.ts'
import { maxSingleBytes } from '../../shared/assets/limits.ts'
import type { Upload } from '../../shared/assets/upload.ts'
import { errorName, unlessMissing } from './faults.ts'
import { readFacts } from './fingerprint.ts'
import { type LocalLocation, withKeys } from './location.ts'
import { placeFile } from './place.ts'
import { dropTicket, isTakenBy, readDeclaration } from './tickets.ts'
import { dropBytes, endUploadAt, incomingPath, knownChecksum } from './upload-end.ts'

/** What has arrived completely. */
export async function readIncoming(location: LocalLocation, id: string): Promise<IncomingFile | undefined> {
  const declared = await readDeclaration(location, id)
  if (declared === undefined) return undefined
  const path = incomingPath(location, id)
  const facts = await readFacts(path)
  // The upload server appends to the file until it is as long as declared.
  if (facts === undefined || facts.size !== declared.size) return undefined
  const algorithm = declared.checksum?.algorithm
  const checksum = algorithm && (await unlessMissing(knownChecksum(path, algorithm, facts.fingerprint)))
  // Published by another call while it was read.
  if (algorithm !== undefined && checksum === undefined) return undefined
  const { fingerprint: etag, size, lastModified: arrivedAt } = facts
  return { etag, arrivedAt, size, contentType: declared.contentType, checksum, declared }
}

/**
 * Whether what has arrived is what was declared, as far as it can be told while a client waits for the answer: a file above
 * 100 MiB is read when it is published.
 */
export async function isAsDeclared(location: LocalLocation, upload: Upload): Promise<boolean> {
  if (upload.checksum === undefined || (upload.size ?? 0) > maxSingleBytes) return true
  return (await readIncoming(location, upload.id))?.checksum?.value === upload.checksum.value
}

/** Gives an incoming file its key; its name in the incoming area is dropped with `endUpload`. */
export async function publishFile(
  location: LocalLocation,
  file: IncomingFile,
  now: number,
): Promise<Asset | undefined> {
  const { id, key, contentType, overwrite } = file.declared
  const path = incomingPath(location, id)
  return withKeys(location, [key], async () => {
    if ((await readFacts(path))?.fingerprint !== file.etag) return undefined
    try {
      if (overwrite) await endUploadAt(location, key, now)
      const record = { contentType, checksum: file.checksum, uploadId: id }
      return await placeFile(location, path, key, record, { overwrite, now })
    } catch (error) {
      // Gone between the look and the step: published by another call, or dropped.
      if (errorName(error) === 'ENOENT' && (await readFacts(path)) === undefined) return undefined
      throw error
    }
  })
}

/**
 * Takes back that an upload was begun, where it was this request that began it and the upload server could not make its file: the
 * ticket is good again.
 */
export async function takeBackBeginning(location: LocalLocation, id: string, requestId: string): Promise<void> {
  if (!(await isTakenBy(location, id, requestId))) return
  await dropBytes(location, id)
  await dropTicket(location, id)
}
