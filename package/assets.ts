import type { AssetStore, Asset as StoredAsset } from '../shared/assets/asset-store.ts'
import { parseFileName } from '../shared/assets/download-name.ts'
import type { DownloadUrl as StoredUrl } from '../shared/assets/download-urls.ts'
import {
  anyContentType,
  maxCopyBytes,
  maxObjectBytes,
  maxSingleBytes,
  parseContentType,
} from '../shared/assets/limits.ts'
import { folderPath, isPublic, keyPath, parseKeyPrefix, parseObjectKey } from '../shared/assets/object-key.ts'
import type { Checksum, Upload } from '../shared/assets/upload.ts'
import { AssetError, EdgeSignerError } from '../shared/errors.ts'
import { parseDeclaration } from '../shared/uploads/declaration.ts'
import { publishIncoming } from '../shared/uploads/publish.ts'
import { ownerOf } from '../shared/uploads/upload-token.ts'
import { newId, openBackend, type SaveSource, savedPieces } from './asset-backends.ts'
import { type AssetsConfig, isWholeSeconds, parseAssetsConfig } from './assets-config.ts'
import { flagOf, optionsOf, textOf, wrong } from './input.ts'
import { type SignedCookies, signCookies } from './sign.ts'
import { clock } from './signing-keys.ts'

/** A URL that opens or creates something. */
export interface AssetUrl {
  readonly key: string
  readonly url: string
  readonly method: 'GET' | 'PUT' | 'POST'
  /** To be sent exactly so. */
  readonly headers: Readonly<Record<string, string>>
  /** `null` where the URL is permanent. */
  readonly expiresAt: Date | null
  readonly isPermanent: boolean
}

/** The request that uploads a file, and the id that `confirm` takes. */
export interface AssetUpload extends AssetUrl {
  readonly uploadId: string
}

/** A signature for a whole folder: `url`, a file's encoded path, `?` and `querystring`. */
export interface AssetFolderUrl extends AssetUrl {
  readonly querystring: string
}

/** A file, as it is described. */
export interface Asset {
  readonly key: string
  /** Bytes. */
  readonly size: number
  readonly contentType: string
  readonly etag: string
  readonly lastModified: Date
  readonly checksum: Checksum | undefined
}

/** One line of a list. */
export type AssetLine = Omit<Asset, 'contentType' | 'checksum'>

/** What a client may upload. */
export interface UploadOptions {
  /** Bytes; the URL takes exactly so many. */
  readonly size: number
  readonly contentType?: string
  readonly checksum?: Checksum
  /** Checked against the key: public keys are those below `public/`. */
  readonly visibility?: 'public' | 'private'
  readonly overwrite?: boolean
  readonly ttlSeconds?: number
}

/** How a file is saved. */
export interface SaveOptions {
  readonly contentType?: string
  readonly overwrite?: boolean
  /** Bytes, where the source does not know: a stream of another length is refused. */
  readonly size?: number
}

/** Assets of one bucket or folder. Every method throws AssetError for a key that cannot be (`ERR_KEY_INVALID`, `ERR_KEY_RESERVED`). */
export interface Assets {
  /** The request with which a client sends a file; afterwards call `confirm`. */
  uploadUrl(key: string, options: UploadOptions): Promise<AssetUpload>
  /** Publishes what a client has sent. Repeatable. @throws AssetError `ERR_UPLOAD_INCOMPLETE`, `ERR_UPLOAD_MISMATCH`. */
  confirm(upload: { readonly key: string; readonly uploadId: string }): Promise<Asset>
  /** A URL in the first mode that is configured: signed by CloudFront, plain, presigned by S3. A public one is permanent. */
  downloadUrl(key: string, options?: { ttlSeconds?: number; filename?: string }): Promise<AssetUrl>
  /** The same for up to 1,000 keys, in order. */
  downloadUrls(keys: readonly string[], options?: { ttlSeconds?: number }): Promise<AssetUrl[]>
  /** The permanent URL of a key below `public/`. @throws AssetError `ERR_KEY_INVALID` for any other. */
  publicUrl(key: string): Promise<AssetUrl>
  folderUrl(prefix: string, options?: { ttlSeconds?: number }): Promise<AssetFolderUrl>
  /** Cookies for everything below a prefix, for `cookieHeaders`. */
  signedCookies(prefix: string, options?: { ttlSeconds?: number; ipAddress?: string }): Promise<SignedCookies>
  /** @throws AssetError `ERR_ASSET_EXISTS`; `ERR_UPLOAD_MISMATCH` for a stream of another length. Nothing is left then. */
  save(key: string, source: SaveSource, options?: SaveOptions): Promise<Asset>
  /** Resolves to false where nothing was there. */
  delete(key: string): Promise<boolean>
  copy(from: string, to: string, options?: { overwrite?: boolean }): Promise<Asset>
  move(from: string, to: string, options?: { overwrite?: boolean }): Promise<Asset>
  exists(key: string): Promise<boolean>
  describe(key: string): Promise<Asset | undefined>
  list(prefix: string, options?: { limit?: number; cursor?: string }): Promise<{ assets: AssetLine[]; cursor?: string }>
  /** The store itself, as the API of this project uses it. */
  readonly store: AssetStore
  /** Ends the connections. */
  close(): void
}

/** Max keys of one `downloadUrls`. */
const maxKeys = 1000

/**
 * Opens assets: the same operations for S3 behind CloudFront and for files behind nginx and tusd.
 *
 * @throws ConfigError naming the field and what it should be.
 * @example
 * const assets = await openAssets(fromEnv(process.env))
 * const { url } = await assets.downloadUrl('users/42/report.pdf', { ttlSeconds: 300 })
 */
export async function openAssets(config: AssetsConfig): Promise<Assets> {
  const parsed = parseAssetsConfig(config)
  const { store, downloads, cdn, cdnName, keys, saveStream, close } = await openBackend(parsed)
  const parseKey = (key: string) => parseObjectKey(textOf(key, 'key'), store.maxKeyLength)
  const parseFolder = (prefix: string) => {
    const text = textOf(prefix, 'prefix')
    return folderPath(parseKeyPrefix(text.endsWith('/') ? text : `${text}/`, store.maxKeyLength))
  }
  const ttlOf = (options: { readonly ttlSeconds?: number } = {}) => {
    const { ttlSeconds = parsed.ttlSeconds } = optionsOf(options)
    if (!isWholeSeconds(ttlSeconds)) throw wrong('ttlSeconds', 'must be whole seconds of at most a week')
    return ttlSeconds
  }
  const publishing = { store, cdn, quotaBytes: null, isRevoked: async () => false }

  const downloadUrls: Assets['downloadUrls'] = async (list, options) => {
    if (!Array.isArray(list) || list.length > maxKeys) throw wrong('keys', `must be a list of at most ${maxKeys}`)
    const requests = list.map((key) => ({ key: parseKey(key) }))
    return (await downloads.files(requests, ttlOf(options), clock())).map(urlOf)
  }

  return {
    store,
    close,
    downloadUrls,
    async uploadUrl(key, options) {
      const limits = { maxBytes: maxBytesOf(store), maxKeyLength: store.maxKeyLength }
      const { visibility, contentType, ...rest } = optionsOf(options)
      const overwrite = flagOf(rest.overwrite, 'overwrite')
      const type = contentType == null ? undefined : textOf(contentType, 'contentType')
      const wanted = { ...rest, key: textOf(key, 'key'), contentType: type, overwrite }
      const declared = parseDeclaration(wanted, limits)
      if (declared.size === undefined) throw new AssetError('ERR_SIZE')
      if (visibility !== undefined && visibility !== 'public' && visibility !== 'private')
        throw wrong('visibility', 'must be public or private')
      if (visibility !== undefined && (visibility === 'public') !== isPublic(declared.key))
        throw new AssetError('ERR_KEY_INVALID', 'public keys are those below public/')
      if (!declared.overwrite && (await store.describe(declared.key)) !== undefined)
        throw new AssetError('ERR_ASSET_EXISTS')
      const now = clock()
      const seconds = ttlOf(options)
      const upload: Upload = {
        ...declared,
        id: newId(),
        protocol: store.singleProtocol,
        owner: ownerOf(''),
        issuedAt: now,
        // An hour for the confirm of what was sent in the last moment.
        expiresAt: now + seconds + 3600,
        maxBytes: limits.maxBytes,
        depth: 1,
        storeId: undefined,
      }
      const { method, url, headers, expiresAt } = await store.receive(upload, now, seconds)
      const times = { expiresAt: new Date(expiresAt * 1000), isPermanent: false }
      return { key: upload.key, url, method, headers, ...times, uploadId: upload.id }
    },
    async confirm(upload) {
      const { key, uploadId } = optionsOf(upload, 'upload')
      const parsedKey = parseKey(key)
      if (!/^[\w-]{22}$/.test(textOf(uploadId, 'uploadId'))) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
      const file = await store.incoming(uploadId)
      // The key comes from a client: an upload to another one is not what the caller means to confirm.
      if (file !== undefined && file.declared.key !== parsedKey) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
      const published = await publishIncoming(uploadId, publishing, 'confirm')
      const there = published ?? (await store.describe(parsedKey))
      if (there?.uploadId !== uploadId) throw new AssetError('ERR_UPLOAD_INCOMPLETE')
      return assetOf(there)
    },
    async downloadUrl(key, options = {}) {
      const { filename } = optionsOf(options)
      const fileName = filename === undefined ? undefined : parseFileName(textOf(filename, 'filename'))
      const [url] = await downloads.files([{ key: parseKey(key), fileName }], ttlOf(options), clock())
      return urlOf(url as StoredUrl)
    },
    async publicUrl(key) {
      const parsedKey = parseKey(key)
      if (!isPublic(parsedKey)) throw new AssetError('ERR_KEY_INVALID', 'public keys are those below public/')
      if (cdnName === undefined) throw new EdgeSignerError('ERR_NOT_IMPLEMENTED', 'publicBaseUrl is not configured')
      const [url] = await downloads.files([{ key: parsedKey }], parsed.ttlSeconds, clock())
      return urlOf(url as StoredUrl)
    },
    async folderUrl(prefix, options) {
      const path = parseFolder(prefix)
      const { baseUrl, querystring, expiresAt } = await downloads.folder(path, ttlOf(options), clock())
      return { key: decodeURIComponent(path.slice(1)), url: baseUrl, querystring, ...getting, ...timesOf(expiresAt) }
    },
    async signedCookies(prefix, options = {}) {
      const path = parseFolder(prefix)
      if (keys === undefined || cdnName === undefined)
        throw new EdgeSignerError('ERR_NOT_IMPLEMENTED', 'signed cookies need keys and the URL of the CDN')
      const { ipAddress } = optionsOf(options)
      const url = `https://${cdnName.host}${cdnName.basePath ?? ''}${path}*`
      return signCookies({ keys, url, expiresIn: ttlOf(options), ...(ipAddress === undefined ? {} : { ipAddress }) })
    },
    async save(key, source, options = {}) {
      const parsedKey = parseKey(key)
      const contentType = parseContentType(textOf(optionsOf(options).contentType ?? anyContentType, 'contentType'))
      const overwrite = flagOf(options.overwrite, 'overwrite')
      if (options.size !== undefined && !(Number.isSafeInteger(options.size) && options.size >= 0))
        throw new AssetError('ERR_SIZE')
      const { bytes, pieces, size } = await savedPieces(source, options.size)
      if ((size ?? 0) > maxObjectBytes) throw new AssetError('ERR_TOO_LARGE')
      const saved =
        bytes !== undefined && bytes.length <= maxSingleBytes
          ? await store.save(parsedKey, bytes, contentType, { overwrite })
          : await saveStream(parsedKey, pieces(), contentType, { overwrite, size })
      if (overwrite) await cdn.invalidate([keyPath(parsedKey)])
      return assetOf(saved)
    },
    async delete(key) {
      const parsedKey = parseKey(key)
      const removed = await store.delete(parsedKey)
      // Again where nothing was there: an earlier call may have ended before it told the CDN.
      await cdn.invalidate([keyPath(parsedKey)])
      return removed
    },
    async copy(from, to, options = {}) {
      const overwrite = flagOf(optionsOf(options).overwrite, 'overwrite')
      const target = parseKey(to)
      const copied = await store.copy(parseKey(from), target, { overwrite })
      if (overwrite) await cdn.invalidate([keyPath(target)])
      return assetOf(copied)
    },
    async move(from, to, options = {}) {
      const overwrite = flagOf(optionsOf(options).overwrite, 'overwrite')
      const [source, target] = [parseKey(from), parseKey(to)]
      const moved = await store.move(source, target, { overwrite })
      await cdn.invalidate(overwrite ? [keyPath(source), keyPath(target)] : [keyPath(source)])
      return assetOf(moved)
    },
    exists: async (key) => (await store.describe(parseKey(key))) !== undefined,
    async describe(key) {
      const found = await store.describe(parseKey(key))
      return found && assetOf(found)
    },
    async list(prefix, options = {}) {
      const { limit = 1000, cursor } = optionsOf(options)
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1000) throw wrong('limit', 'must be from 1 to 1,000')
      const page = await store.list(parseKeyPrefix(textOf(prefix, 'prefix'), store.maxKeyLength), limit, cursor)
      const assets = page.assets.map(({ key, size, etag, lastModified }) => ({
        key: key as string,
        size,
        etag,
        lastModified: new Date(lastModified * 1000),
      }))
      return page.cursor === undefined ? { assets } : { assets, cursor: page.cursor }
    },
  }
}

const getting = { method: 'GET', headers: {} } as const

/** One presigned PUT has at most 5 GiB; tus has no such limit. */
function maxBytesOf(store: AssetStore): number {
  return store.singleProtocol === 'put' ? maxCopyBytes : maxObjectBytes
}

function urlOf({ key, url, expiresAt }: StoredUrl): AssetUrl {
  return { key, url, ...getting, ...timesOf(expiresAt) }
}

function timesOf(expiresAt: number | undefined) {
  return {
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt * 1000),
    isPermanent: expiresAt === undefined,
  }
}

function assetOf({ key, size, contentType, etag, lastModified, checksum }: StoredAsset): Asset {
  return { key, size, contentType, etag, lastModified: new Date(lastModified * 1000), checksum }
}
