import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Asset, IncomingFile } from '../../shared/assets/asset-store.ts'
import { mostSingleBytes } from '../../shared/assets/limits.ts'
import { AssetError } from '../../shared/errors.ts'
import type { Upload } from '../../shared/uploads/upload.ts'
import { formatUploadRecord, parseUploadRecord } from '../../shared/uploads/upload-record.ts'
import { errorName, unlessMissing } from './faults.ts'
import { fileChecksum } from './file-checksum.ts'
import { type FileFacts, readFacts } from './fingerprint.ts'
import type { LocalLocation } from './location.ts'
import { placeFile } from './place.ts'

/** Names that upload servers give to their notes about `<id>`: tusd's, and those of the embedded server. */
const notes = ['.info', '.lock', '.json'] as const

/** What an id looks like. Anything else would be a path. */
export function isUploadId(id: string): boolean {
  return /^[\w-]{22}$/.test(id)
}

/**
 * Begins an upload: keeps its declaration. An upload is begun once, whoever asks and however often, because its file can be made
 * once; that is how a ticket is used up.
 *
 * @throws AssetError `ERR_UPLOAD_USED`.
 */
export async function beginIncoming({ area }: LocalLocation, upload: Upload): Promise<void> {
  try {
    await writeFile(join(area.tickets, upload.id), formatUploadRecord(upload), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (errorName(error) === 'EEXIST') throw new AssetError('ERR_UPLOAD_USED')
    throw error
  }
}

/** The declaration of an upload that was begun. */
export async function readDeclaration({ area }: LocalLocation, id: string): Promise<Upload | undefined> {
  if (!isUploadId(id)) return undefined
  const text = await unlessMissing(readFile(join(area.tickets, id), 'utf8'))
  return text === undefined ? undefined : parseUploadRecord(text)
}

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
