import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { typeOfName } from '../../local/s3/type-of-name.ts'
import type { AssetOrigin } from '../../shared/assets/asset-origin.ts'
import { parseContentType } from '../../shared/assets/limits.ts'
import type { ObjectKey } from '../../shared/assets/object-key.ts'
import { type Checksum, parseChecksum } from '../../shared/assets/upload.ts'
import { errorName, unlessMissing } from './faults.ts'
import type { FileFacts } from './fingerprint.ts'
import type { LocalLocation } from './location.ts'

/** What is known of a file beyond its bytes. */
export interface AssetRecord {
  readonly contentType: string
  readonly checksum: Checksum | undefined
  readonly uploadId: string | undefined
  /** The copy or move that made it. */
  readonly origin?: AssetOrigin | undefined
  /** Epoch seconds; when it came to its key. Its modification time may be later. */
  readonly writtenAt?: number | undefined
}

/**
 * A record belongs to one state of one file: its name holds the file's fingerprint. So it can be written before the file appears
 * at its key, which makes both appear at once, and a file that somebody replaces by hand has no record.
 *
 * The folder is named like the key. No key holds a `*`, so the `*` of a record's name keeps it apart from folders of longer keys.
 */
const recordName = ({ fingerprint }: FileFacts) => `*${fingerprint}`
/** nginx finds a type by the entity tag that it makes itself. */
const typeName = ({ etag }: FileFacts) => `*${etag.slice(1, -1)}`

/**
 * The record of a file; for one without, what its name tells. A file that was copied back from a backup is another one to the
 * system, of the same version: its record is the one of that version, unless there are several.
 */
export async function readRecord(location: LocalLocation, key: ObjectKey, facts: FileFacts): Promise<AssetRecord> {
  const folder = join(location.area.records, key)
  const read = (name: string) => unlessMissing(readFile(join(folder, name), 'utf8'))
  const text =
    (await read(recordName(facts))) ?? (await recordOfVersion(folder, facts).then((name) => name && read(name)))
  return text === undefined
    ? { contentType: typeOfName(key), checksum: undefined, uploadId: undefined }
    : parseRecord(text)
}

async function recordOfVersion(folder: string, { version }: FileFacts): Promise<string | undefined> {
  const names = (await unlessMissing(readdir(folder))) ?? []
  const [name, ...others] = names.filter((one) => one.startsWith(`*${version}-`))
  return others.length === 0 ? name : undefined
}

/** Writes the record of a file that is about to appear at the key. */
export async function writeRecord(
  location: LocalLocation,
  key: ObjectKey,
  facts: FileFacts,
  record: AssetRecord,
): Promise<void> {
  const { records, types, drafts } = location.area
  await writeInto(drafts, join(records, key), recordName(facts), JSON.stringify(record))
  if (record.contentType !== typeOfName(key)) {
    await writeInto(drafts, join(types, key), typeName(facts), record.contentType)
  }
}

/** Drops the records of a key but those of the file that is there now. */
export async function keepRecordOf(
  location: LocalLocation,
  key: ObjectKey,
  facts: FileFacts | undefined,
): Promise<void> {
  const { records, types } = location.area
  await keepOnly(records, key, facts && recordName(facts))
  await keepOnly(types, key, facts && typeName(facts))
}

/** Drops the record of a file that did not come to the key. */
export async function dropRecord(location: LocalLocation, key: ObjectKey, facts: FileFacts): Promise<void> {
  const { records, types } = location.area
  await rm(join(records, key, recordName(facts)), { force: true })
  await rm(join(types, key, typeName(facts)), { force: true })
  for (const root of [records, types]) await removeEmptyFolders(join(root, key), root)
}

/** Readers meet all of it or nothing. The folder is made again where somebody removes it as empty. */
export async function writeInto(drafts: string, folder: string, name: string, text: string): Promise<void> {
  const draft = join(drafts, randomUUID())
  await writeFile(draft, text, { mode: 0o600 })
  await intoFolder(folder, () => rename(draft, join(folder, name)))
}

/** Makes a folder and puts something into it; again where somebody removed the folder, empty, in between. */
export async function intoFolder(folder: string, work: () => Promise<void>): Promise<void> {
  for (let tried = 1; ; tried++) {
    await mkdir(folder, { recursive: true })
    try {
      return await work()
    } catch (error) {
      if (errorName(error) !== 'ENOENT' || tried === 5) throw error
    }
  }
}

async function keepOnly(root: string, key: ObjectKey, name: string | undefined): Promise<void> {
  const folder = join(root, key)
  const names = (await unlessMissing(readdir(folder))) ?? []
  for (const other of names) if (other.startsWith('*') && other !== name) await rm(join(folder, other), { force: true })
  await removeEmptyFolders(folder, root)
}

/** Removes a folder and those above it, up to `root`, as long as they are empty. */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let path = folder; path !== root && path.startsWith(root); path = dirname(path)) {
    try {
      await rmdir(path)
    } catch {
      return
    }
  }
}

function parseRecord(text: string): AssetRecord {
  const { contentType, checksum, uploadId, origin, writtenAt } = JSON.parse(text) as Partial<AssetRecord>
  return {
    origin,
    writtenAt,
    contentType: parseContentType(contentType ?? ''),
    checksum: checksum && parseChecksum(checksum.algorithm, checksum.value),
    uploadId,
  }
}
