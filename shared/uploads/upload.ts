import type { Checksum } from '../assets/checksum.ts'
import type { ObjectKey } from '../assets/object-key.ts'

/** How the bytes travel: one signed request, parts, or the tus protocol. */
export type UploadProtocol = 'put' | 'multipart' | 'tus'

/** Epoch seconds until which a ticket can begin its upload, where the upload itself may then go on: tus. */
export function beginUntil({ issuedAt, expiresAt }: Upload, ticketSeconds: number): number {
  return Math.min(issuedAt + ticketSeconds, expiresAt)
}

/**
 * An upload as it was declared and allowed: what every later step is compared with. It leaves the service only under a
 * signature, of ours (`upload-token.ts`) or of S3's (the metadata of a signed request).
 */
export interface Upload {
  /** 128 random bits in base64url. */
  readonly id: string
  readonly protocol: UploadProtocol
  /** Whose session asked for it: `ownerOf(sub)`. */
  readonly owner: string
  readonly key: ObjectKey
  /** Bytes; `undefined` where the client could not say (Uppy does not), then only limits hold. */
  readonly size: number | undefined
  readonly contentType: string
  readonly checksum: Checksum | undefined
  readonly overwrite: boolean
  /** Epoch seconds; when it was allowed. */
  readonly issuedAt: number
  /** Epoch seconds; nothing can be completed or confirmed after. */
  readonly expiresAt: number
  /** The most bytes that this upload may have: what was left of the limits when it was allowed. */
  readonly mostBytes: number
  /** The number of leading segments of the key that are the granted prefix: the quota counts below them. */
  readonly depth: number
  /** The store's own id of a multipart upload. */
  readonly storeId: string | undefined
}
