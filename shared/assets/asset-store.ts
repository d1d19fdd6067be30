import type { AssetOrigin } from './asset-origin.ts'
import type { KeyPrefix, ObjectKey } from './object-key.ts'
import type { Checksum, Upload } from './upload.ts'

/** A published file, as the store describes it. */
export interface Asset {
  readonly key: ObjectKey
  /** Bytes. */
  readonly size: number
  readonly contentType: string
  /** A strong entity tag, with its quotes (RFC 9110 section 8.8.3). */
  readonly etag: string
  /** Epoch seconds. */
  readonly lastModified: number
  /** Of the whole file, where the store knows one. */
  readonly checksum: Checksum | undefined
  /** The id of the upload that published it; how a second confirm knows that the first one succeeded. */
  readonly uploadId: string | undefined
  /** Epoch seconds; when it appeared at its key, where the store had to give it a later `lastModified` to keep ETags apart. */
  readonly writtenAt?: number | undefined
  /** The copy or move that made it; how a repeated request knows that the first one succeeded. */
  readonly origin?: AssetOrigin | undefined
}

/** One line of a list: what a store can say without opening the file. */
export type AssetSummary = Pick<Asset, 'key' | 'size' | 'etag' | 'lastModified'>

/** One page of a list, in the order of the keys' UTF-8 bytes. */
export interface AssetPage {
  readonly assets: readonly AssetSummary[]
  /** Cursor of the next page; `undefined` on the last one. */
  readonly cursor: string | undefined
}

/** True if something at the target may be replaced. */
export interface WriteOptions {
  readonly overwrite: boolean
}

/** How a small file is written. */
export interface SaveAssetOptions extends WriteOptions {
  /** Base64 SHA-256 of the body, if the caller has computed it. S3 verifies it. */
  readonly sha256?: string
  /** `Cache-Control` of the object. Files behind nginx have that of their path. */
  readonly cacheControl?: string
}

/** The bytes that lie in the incoming area, not yet readable by anybody. */
export interface IncomingFile {
  readonly etag: string
  /** Epoch seconds; when its last byte came. */
  readonly arrivedAt: number
  readonly size: number
  readonly contentType: string
  readonly checksum: Checksum | undefined
  /** Its declaration, which the store kept where the uploader cannot change it. */
  readonly declared: Upload
}

/** One request that the client makes to send bytes. */
export interface UploadRequest {
  readonly method: 'PUT' | 'POST'
  readonly url: string
  /** To be sent exactly so. */
  readonly headers: Readonly<Record<string, string>>
  /** Form fields of a POST policy, in this order, before the file. */
  readonly fields?: Readonly<Record<string, string>>
  /** The values of `Upload-Metadata`, for tus clients that write that header themselves. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Epoch seconds; never after the end of the credentials that signed it. */
  readonly expiresAt: number
}

/** A part that the store holds. */
export interface StoredPart {
  readonly partNumber: number
  readonly etag: string
  /** Bytes. */
  readonly size: number
}

/**
 * How an upload ended. A client whose last answer was lost asks for a published upload once more; after `confirmed` and
 * `dropped` nobody has a reason to.
 */
export type UploadEnd = 'published' | 'confirmed' | 'dropped'

/** Uploads in parts, straight to their key, invisible until completed. A store without them serves one-request uploads only. */
export interface MultipartStore {
  /** @returns the store's own id of the upload. */
  begin(upload: Upload): Promise<string>
  /**
   * URLs for parts. Where the file's size is declared each binds the part's length.
   *
   * @param numbers parts that the upload has.
   */
  signParts(upload: Upload, numbers: readonly number[], now: number): Promise<{ urls: string[]; expiresAt: number }>
  /** All parts so far, by number. `undefined` where there is no such upload: never begun, completed or aborted. */
  listParts(upload: Upload): Promise<StoredPart[] | undefined>
  /**
   * Publishes the parts, which were checked, at the upload's key.
   *
   * @throws AssetError `ERR_ASSET_EXISTS`, `ERR_UPLOAD_MISMATCH`, `ERR_UPLOAD_PARTS`, `ERR_UPLOAD_NOT_FOUND`.
   */
  complete(upload: Upload, parts: readonly StoredPart[]): Promise<Asset>
  /** Drops the parts; succeeds where there is nothing to drop. */
  abort(upload: Upload): Promise<void>
}

/**
 * Store of assets: S3 behind CloudFront, or files behind nginx. Every store passes `test/contract/asset-store.suite.ts`. Each
 * method may throw ServiceError `ERR_STORE_UNAVAILABLE`.
 *
 * An asset that an upload published is never removed or replaced before that upload has ended (`end`). A crash may keep an upload
 * from ending after its asset appeared; its bytes would otherwise be published again, over a deletion, a move or a newer file.
 */
export interface AssetStore {
  /** Resolves where the store answers. */
  ready(): Promise<void>
  describe(key: ObjectKey): Promise<Asset | undefined>
  /**
   * @param limit 1 to 1,000.
   * @throws AssetError `ERR_CURSOR`.
   */
  list(prefix: KeyPrefix, limit: number, cursor?: string): Promise<AssetPage>
  /** The bytes of all assets whose keys begin with the prefix. */
  usage(prefix: KeyPrefix): Promise<number>
  /**
   * Writes a small file at once; for what the service makes itself.
   *
   * @throws AssetError `ERR_ASSET_EXISTS`.
   */
  save(key: ObjectKey, body: Uint8Array, contentType: string, options: SaveAssetOptions): Promise<Asset>
  /** @returns whether there was something to delete. */
  delete(key: ObjectKey): Promise<boolean>
  /**
   * Succeeds again where the target is the copy of this very state of the source.
   *
   * @throws AssetError `ERR_ASSET_NOT_FOUND`, `ERR_ASSET_EXISTS`.
   */
  copy(from: ObjectKey, to: ObjectKey, options: WriteOptions): Promise<Asset>
  /**
   * The source is deleted after the target is complete. Succeeds again where the target was moved from there; a move that was
   * interrupted in between is finished.
   *
   * @throws AssetError like `copy`; `ERR_ASSET_CHANGED` where the source was written to meanwhile: then it stays, beside its copy.
   */
  move(from: ObjectKey, to: ObjectKey, options: WriteOptions): Promise<Asset>

  /**
   * The request that sends a file to the incoming area; length, type and checksum are bound to what is declared.
   *
   * @param seconds the life of a presigned request; without it the stage's. A tus request lives as long as its upload.
   */
  receive(upload: Upload, now: number, seconds?: number): Promise<UploadRequest>
  /** The same as a form (`multipart/form-data`), for clients that only know S3's POST policies. A store may have none. */
  receiveForm?(upload: Upload, now: number, seconds?: number): Promise<UploadRequest>
  /** Returns the bytes that have arrived for an upload. */
  incoming(id: string): Promise<IncomingFile | undefined>
  /**
   * Moves an incoming file, which was checked, to its key, in one step that nobody sees half of.
   *
   * @returns `undefined` where the incoming file is gone or is another one by now.
   * @throws AssetError `ERR_ASSET_EXISTS` where something is at the key and the declaration does not allow to overwrite.
   */
  publish(file: IncomingFile): Promise<Asset | undefined>
  /** Ends an upload: writes down that nothing of it is published from now on, then drops what has arrived. Idempotent. */
  end(id: string, how: UploadEnd): Promise<void>
  /** Returns whether an upload has ended. */
  hasEnded(id: string): Promise<boolean>

  /** Max length of a key, in bytes of UTF-8. */
  readonly maxKeyLength: number
  /** How a file that fits one request is sent. */
  readonly singleProtocol: 'put' | 'tus'
  readonly multipart: MultipartStore | undefined
}

/** Makes the CDN forget what it holds at a path. */
export interface CdnInvalidation {
  /** @param paths encoded, such as `/users/alice/a%20b.jpg`. */
  invalidate(paths: readonly string[]): Promise<void>
}
