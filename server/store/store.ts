import { access, constants, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  AssetPage,
  AssetStore,
  AssetSummary,
  UploadRequest,
  WriteOptions,
} from '../../shared/assets/asset-store.ts'
import { maxKeyBytes } from '../../shared/assets/limits.ts'
import { type KeyPrefix, type ObjectKey, parseObjectKey } from '../../shared/assets/object-key.ts'
import { beginUntil, type Upload } from '../../shared/assets/upload.ts'
import { AssetError } from '../../shared/errors.ts'
import { unlessMissing, withFaults } from './faults.ts'
import { copyFileTo, deleteFile, describeFile, moveFile, saveFile } from './files.ts'
import { readFacts } from './fingerprint.ts'
import { publishFile, readIncoming } from './incoming.ts'
import { assetPath, type LocalLocation } from './location.ts'
import { formatUploadMetadata, uploadMetadata } from './metadata.ts'
import { requirePlace } from './place.ts'
import { readTicket } from './tickets.ts'
import { endUpload } from './upload-end.ts'

/** How a local store writes its tickets. */
export interface LocalStoreOptions {
  readonly location: LocalLocation
  /** Where uploads are created: `https://cdn.example.com/files/`. */
  readonly uploadUrl: string
  /** How long a ticket can begin an upload. */
  readonly ticketSeconds: number
  /** Epoch seconds. */
  readonly now: () => number
  /** The token that the upload server will be shown. */
  readonly issueToken: (upload: Upload) => Promise<string>
}

/** Assets in a folder of this machine; files arrive by tus. Has no parts: tus resumes by itself. */
export function createLocalStore(options: LocalStoreOptions): AssetStore {
  const { location, issueToken, now } = options
  const at = ({ overwrite }: WriteOptions) => ({ overwrite, now: now() })
  return {
    maxKeyLength: maxKeyBytes - location.keyPrefix.length,
    singleProtocol: 'tus',
    multipart: undefined,
    ready: () =>
      withFaults(async () => {
        for (const folder of [location.content, location.area.incoming]) await access(folder, constants.W_OK)
      }),
    describe: (key) => withFaults(() => describeFile(location, key)),
    list: (prefix, limit, cursor) => withFaults(() => listFiles(location, prefix, limit, cursor)),
    usage: (prefix) => withFaults(() => usageBelow(location, prefix)),
    save: (key, body, contentType, write) =>
      withFaults(() => saveFile(location, key, body, contentType, { ...write, now: now() })),
    delete: (key) => withFaults(() => deleteFile(location, key, now())),
    copy: (from, to, write) => withFaults(() => copyFileTo(location, from, to, at(write))),
    move: (from, to, write) => withFaults(() => moveFile(location, from, to, at(write))),
    receive: (upload) =>
      withFaults(async () => {
        await requirePlace(location, upload.key)
        return tusRequest(upload, await issueToken(upload), options)
      }),
    incoming: (id) => withFaults(() => readIncoming(location, id)),
    publish: (file) => withFaults(() => publishFile(location, file, now())),
    end: (id, how) => withFaults(() => endUpload(location, id, how, now())),
    hasEnded: (id) => withFaults(async () => (await readTicket(location, id))?.hasEnded ?? false),
  }
}

/** The creation of a tus upload. The client adds `Upload-Length`, which its library does anyway. */
function tusRequest(upload: Upload, token: string, { uploadUrl, ticketSeconds }: LocalStoreOptions): UploadRequest {
  const metadata = uploadMetadata(upload, token)
  return {
    method: 'POST',
    url: uploadUrl,
    headers: { 'Tus-Resumable': '1.0.0', 'Upload-Metadata': formatUploadMetadata(metadata) },
    metadata,
    expiresAt: beginUntil(upload, ticketSeconds),
  }
}

/**
 * One page of the assets below a prefix. The cursor is the last key of the page before, so it never expires.
 *
 * @throws AssetError `ERR_CURSOR`.
 */
async function listFiles(
  location: LocalLocation,
  prefix: KeyPrefix,
  limit: number,
  cursor?: string,
): Promise<AssetPage> {
  const after = cursor === undefined ? undefined : readCursor(cursor)
  if (after !== undefined && !after.startsWith(prefix)) throw new AssetError('ERR_CURSOR')
  const assets: AssetSummary[] = []
  for await (const asset of walk(location, prefix, after)) {
    // One more than the page holds: only then is there another page.
    if (assets.length === limit) return { assets, cursor: Buffer.from(assets.at(-1)?.key ?? '').toString('base64url') }
    assets.push(asset)
  }
  return { assets, cursor: undefined }
}

/** The bytes of all assets below a prefix. */
async function usageBelow(location: LocalLocation, prefix: KeyPrefix): Promise<number> {
  let bytes = 0
  for await (const { size } of walk(location, prefix, undefined)) bytes += size
  return bytes
}

/** Every asset below a prefix and behind a key, in the order of the keys' UTF-8 bytes. */
async function* walk(
  location: LocalLocation,
  prefix: KeyPrefix,
  after: string | undefined,
): AsyncGenerator<AssetSummary> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  yield* walkFolder(location, folder, (path) => {
    const below = path.startsWith(prefix) || (path.endsWith('/') && prefix.startsWith(path))
    return below && (after === undefined || isBehind(path, after))
  })
}

async function* walkFolder(
  location: LocalLocation,
  folder: string,
  isWanted: (path: string) => boolean,
): AsyncGenerator<AssetSummary> {
  const entries = (await unlessMissing(readdir(join(location.content, folder), { withFileTypes: true }))) ?? []
  // A folder counts with its slash: `b-1` comes before `b/c`.
  const paths = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .filter(isWanted)
  for (const path of paths.sort(compareBytes)) {
    if (path.endsWith('/')) yield* walkFolder(location, path, isWanted)
    else yield* summaryOf(location, path)
  }
}

/** Files that no key of ours can name, and those of the service, are left out. */
async function* summaryOf(location: LocalLocation, path: string): AsyncGenerator<AssetSummary> {
  let key: ObjectKey
  try {
    key = parseObjectKey(path)
  } catch {
    return
  }
  const facts = await readFacts(assetPath(location, key))
  if (facts !== undefined) yield { key, size: facts.size, etag: facts.etag, lastModified: facts.lastModified }
}

function isBehind(path: string, after: string): boolean {
  return path.endsWith('/') && after.startsWith(path) ? true : compareBytes(path, after) > 0
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function readCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString('utf8')
  if (key === '' || Buffer.from(key).toString('base64url') !== cursor) throw new AssetError('ERR_CURSOR')
  return key
}
