import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Asset, IncomingFile } from '../../shared/assets/asset-store.ts'
import { mostSingleBytes } from '../../shared/assets/limits.ts'
import type { Upload } from '../../shared/uploads/upload.ts'
import { errorName } from './faults.ts'
import { fileChecksum } from './file-checksum.ts'
import { type FileFacts, readFacts } from './fingerprint.ts'
import type { LocalLocation } from './location.ts'
import { placeFile } from './place.ts'
import { dropTicket, isTakenBy, isUploadId, readDeclaration } from './tickets.ts'

/** Names that upload servers give to their notes about `<id>`: tusd's, and those of the embedded server. */
const notes = ['.info', '.lock', '.json'] as const

/** Where the bytes of an upload arrive. */
export function incomingPath({ area }: LocalLocation, id: string): string {
  return join(area.incoming, id)
}

/** What has arrived completely. */
export async function readIncoming(location: LocalLocation, id: string): Promise<IncomingFile | undefined> {
  const declared = await readDeclaration(location, id)
  if (declared === undefined) return undefined
  const path = incomingPath(location, id)
  const facts = await readFacts(path)
  // The upload server appends to the file until it is as long as declared.
  if (facts === undefined || facts.size !== declared.size) return undefined
  const checksum = declared.checksum && (await checksumOf(path, declared.checksum.algorithm, facts))
  return { etag: facts.fingerprint, size: facts.size, contentType: declared.contentType, checksum, declared }
}

/**
 * Whether what has arrived is what was declared, as far as it can be told while a client waits for the answer: a file above
 * 100 MiB is read when it is published.
 */
export async function isAsDeclared(location: LocalLocation, upload: Upload): Promise<boolean> {
  if (upload.checksum === undefined || (upload.size ?? 0) > mostSingleBytes) return true
  return (await readIncoming(location, upload.id))?.checksum?.value === upload.checksum.value
}

/** Gives an incoming file its key; the name in the incoming area is dropped with `discardIncoming`. */
export async function publishFile(location: LocalLocation, file: IncomingFile): Promise<Asset | undefined> {
  const { id, key, contentType, overwrite } = file.declared
  const path = incomingPath(location, id)
  if ((await readFacts(path))?.fingerprint !== file.etag) return undefined
  const record = { contentType, checksum: file.checksum, uploadId: id }
  try {
    return await placeFile(location, path, key, record, overwrite)
  } catch (error) {
    // Gone between the look and the step: published by somebody else, or discarded.
    if (errorName(error) === 'ENOENT' && (await readFacts(path)) === undefined) return undefined
    throw error
  }
}

/** Drops the bytes and the upload server's notes. The declaration stays until its end, so that the ticket stays used. */
export async function discardIncoming(location: LocalLocation, id: string): Promise<void> {
  if (!isUploadId(id)) return
  const path = incomingPath(location, id)
  checksums.delete(path)
  for (const name of [...notes.map((note) => path + note), path]) await rm(name, { force: true })
}

/**
 * Takes back that an upload was begun, where it was this request that began it and the upload server could not make its file: the
 * ticket is good again.
 */
export async function takeBackBeginning(location: LocalLocation, id: string, requestId: string): Promise<void> {
  if (!(await isTakenBy(location, id, requestId))) return
  await discardIncoming(location, id)
  await dropTicket(location, id)
}

const checksums = new Map<string, { fingerprint: string; checksum: Promise<NonNullable<Upload['checksum']>> }>()

/** Read once for each state of a file: publishing, confirming and a second confirm all ask. */
function checksumOf(path: string, algorithm: NonNullable<Upload['checksum']>['algorithm'], facts: FileFacts) {
  const known = checksums.get(path)
  if (known?.fingerprint === facts.fingerprint) return known.checksum
  const checksum = fileChecksum(path, algorithm)
  checksums.set(path, { fingerprint: facts.fingerprint, checksum })
  checksum.catch(() => checksums.delete(path))
  return checksum
}
