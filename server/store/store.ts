import { access, constants } from 'node:fs/promises'
import type { AssetStore, UploadRequest, WriteOptions } from '../../shared/assets/asset-store.ts'
import { maxKeyBytes } from '../../shared/assets/limits.ts'
import { beginUntil, type Upload } from '../../shared/uploads/upload.ts'
import { formatUploadMetadata, uploadMetadata } from '../uploads/metadata.ts'
import { withFaults } from './faults.ts'
import { copyFileTo, deleteFile, describeFile, moveFile, saveFile } from './files.ts'
import { publishFile, readIncoming } from './incoming.ts'
import { listFiles, usageBelow } from './list.ts'
import type { LocalLocation } from './location.ts'
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
    save: (key, body, contentType, write) => withFaults(() => saveFile(location, key, body, contentType, at(write))),
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
