import { readdir } from 'node:fs/promises'
import { readActor, requireOwnOrigin } from '../../functions/api/actor.ts'
import type { ApiServices } from '../../functions/api/services.ts'
import type { Actor } from '../../shared/assets/access.ts'
import type { KeyPrefix } from '../../shared/assets/object-key.ts'
import { beginUntil, type Upload } from '../../shared/assets/upload.ts'
import { AssetError, EdgeSignerError, SessionError } from '../../shared/errors.ts'
import { publishedBy, publishIncoming } from '../../shared/uploads/publish.ts'
import { quotaLeft, quotaPrefix } from '../../shared/uploads/quota.ts'
import { isUploadRevoked, ownerOf, verifyUploadToken } from '../../shared/uploads/upload-token.ts'
import { withFaults } from '../store/faults.ts'
import { readFacts } from '../store/fingerprint.ts'
import { isAsDeclared } from '../store/incoming.ts'
import type { LocalLocation } from '../store/location.ts'
import { publicMetadata, requestIdHeader, requireSameMetadata, tokenField } from '../store/metadata.ts'
import { readDeclaration, refuseTicket, takeTicket } from '../store/tickets.ts'
import { dropBytes, dropNotes, endUpload, incomingPath } from '../store/upload-end.ts'

/** How long a complete upload is kept that does not fit the quota. */
const overQuotaSeconds = 3600

/** A request to create an upload, as the upload server read it. Everything in it is unverified. */
export interface UnverifiedCreation {
  readonly metadata: Readonly<Record<string, string>>
  /** `Upload-Length`; `undefined` where it is deferred. */
  readonly size: number | undefined
  /** Of the request, lower-case names. */
  readonly headers: Readonly<Record<string, string>>
}

/** A creation that may go on. */
export interface AllowedCreation {
  /** The upload's name at the upload server and in the file system. */
  readonly id: string
  /** In place of everything that the client sent. */
  readonly metadata: Record<string, string>
}

/** What an upload server asks at each step of an upload. The same for tusd and for the embedded server. */
export interface UploadHooks {
  /** @throws EdgeSignerError where the upload may not begin; nothing was made then. */
  create(creation: UnverifiedCreation): Promise<AllowedCreation>
  /** Called when the last byte is there, before the client is told. @throws AssetError `ERR_UPLOAD_MISMATCH`; the bytes are gone. */
  finish(id: string): Promise<void>
  /**
   * Publishes. What stands in the way is logged: the client learns it from its confirm, and nothing is lost, but for what does not
   * fit the quota after an hour.
   */
  finished(id: string): Promise<void>
  /** @throws SessionError without a session; AssetError `ERR_UPLOAD_NOT_FOUND` for anybody but the owner. */
  terminate(id: string, headers: Readonly<Record<string, string>>): Promise<void>
}

/** The hooks over the API's own services. */
export function createUploadHooks(location: LocalLocation, services: ApiServices): UploadHooks {
  const open = createOpenUploads(location, services)
  return {
    async create({ metadata, size, headers }) {
      const now = services.now()
      const { stampKey } = await services.keys(now)
      const upload = verifyUploadToken(metadata[tokenField] ?? '', stampKey)
      if (upload.protocol === 'multipart') throw new AssetError('ERR_UPLOAD_NOT_FOUND')
      if (now >= beginUntil(upload, services.config.uploads.ticketSeconds)) throw new AssetError('ERR_UPLOAD_EXPIRED')
      refusePieces(headers)
      // A length that comes later would evade the one that was declared.
      if (size === undefined) throw new AssetError('ERR_SIZE')
      if (size !== upload.size) throw new AssetError('ERR_UPLOAD_MISMATCH')
      requireSameMetadata(metadata, upload)
      await refuseRevoked(upload, services)
      await refuseForeignSession(upload, headers, now, services)
      // Last: a ticket is not used up by a request that was refused.
      const requestId = headers[requestIdHeader] ?? ''
      await withFaults(() => open.admit(upload, () => takeTicket(location, upload, requestId)))
      return { id: upload.id, metadata: publicMetadata(upload) }
    },
    async finish(id) {
      const upload = await withFaults(() => readDeclaration(location, id))
      if (upload === undefined) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
      if (await withFaults(() => isAsDeclared(location, upload))) return
      open.ended(id)
      await dropBytes(location, id)
      throw new AssetError('ERR_UPLOAD_MISMATCH')
    },
    async finished(id) {
      open.ended(id)
      try {
        await dropNotes(location, id)
        const asset = await publishIncoming(id, services.uploads)
        services.log({ level: 'info', event: asset === undefined ? 'nothing-to-publish' : 'published', upload: id })
      } catch (error) {
        const code = error instanceof EdgeSignerError ? error.code : 'ERR_INTERNAL'
        services.log({ level: 'warn', event: 'not-published', upload: id, code })
        if (error instanceof AssetError) await refuseTicket(location, id, services.now())
        if (code === 'ERR_QUOTA') await dropOverQuota(location, id, services)
      }
    },
    async terminate(id, headers) {
      const now = services.now()
      requireOwnOrigin('DELETE', headers, services)
      const { sub } = await readActor(headers, now, services)
      const upload = await withFaults(() => readDeclaration(location, id))
      if (upload === undefined || upload.owner !== ownerOf(sub)) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
    },
  }
}

/** A user who deletes something within the hour can still confirm; after that the bytes only fill the disk. */
async function dropOverQuota(location: LocalLocation, id: string, { now, log }: ApiServices): Promise<void> {
  const arrived = await readFacts(incomingPath(location, id))
  if (arrived === undefined || now() < arrived.lastModified + overQuotaSeconds) return
  await endUpload(location, id, 'dropped', now())
  log({ level: 'warn', event: 'dropped', upload: id, code: 'ERR_QUOTA' })
}

/**
 * Parts that are joined later, each with a length of its own, would evade the length that was declared for the whole.
 *
 * @throws AssetError `ERR_NOT_IMPLEMENTED`.
 */
function refusePieces(headers: Readonly<Record<string, string>>): void {
  if (headers['upload-concat'] !== undefined) throw new AssetError('ERR_NOT_IMPLEMENTED')
}

/** @throws SessionError `ERR_SESSION_REVOKED` where the session that the ticket was issued to would be refused by now. */
async function refuseRevoked(upload: Upload, services: ApiServices): Promise<void> {
  if (isUploadRevoked(await services.revocations(services.now()), upload)) throw new SessionError('ERR_SESSION_REVOKED')
}

/**
 * A token alone begins an upload, like a presigned URL. Where a good session comes with it, it must be the owner's: somebody who is
 * signed in as another user was given a ticket that is not theirs.
 */
async function refuseForeignSession(
  upload: Upload,
  headers: Readonly<Record<string, string>>,
  now: number,
  services: ApiServices,
): Promise<void> {
  let actor: Actor
  try {
    actor = await readActor(headers, now, services)
  } catch (error) {
    if (error instanceof SessionError) return
    throw error
  }
  if (upload.owner !== ownerOf(actor.sub)) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
}

/** Seconds in which an upload server has made the file of an upload that it may create, or never makes it. */
const creationSeconds = 60

/** Uploads under way, as far as they count against the quota of their prefix. */
interface OpenUploads {
  /**
   * Begins an upload where its declared size fits beside what is there and what is under way. An earlier upload of the same owner
   * to the same key, which is the same file begun again, makes room where room is needed.
   *
   * @throws AssetError `ERR_QUOTA`, and what `begin` throws.
   */
  admit(upload: Upload, begin: () => Promise<void>): Promise<void>
  /** Says that an upload is over: published, refused or given up. */
  ended(id: string): void
}

/** Bytes are counted where they arrive, so that the quota limits the disk and not only what is published. */
function createOpenUploads(location: LocalLocation, services: ApiServices): OpenUploads {
  const { store, quotaBytes } = services.uploads
  /** Begun by this process; the upload server may not have made the file yet. */
  const creating = new Map<string, { readonly upload: Upload; readonly since: number }>()
  const queues = new Map<KeyPrefix, Promise<void>>()

  const openBelow = async (prefix: KeyPrefix): Promise<Upload[]> => {
    const arriving = await readdir(location.area.incoming)
    for (const [id, { since }] of creating) {
      if (arriving.includes(id) || since + creationSeconds < services.now()) creating.delete(id)
    }
    const declared = await Promise.all(arriving.map((id) => readDeclaration(location, id).catch(() => undefined)))
    const all = [...declared, ...[...creating.values()].map(({ upload }) => upload)]
    const open: Upload[] = []
    for (const upload of all) {
      if (upload === undefined || quotaPrefix(upload.key, upload.depth) !== prefix) continue
      if ((await publishedBy(upload, store)) === undefined) open.push(upload)
    }
    return open
  }

  const requireRoom = async (upload: Upload, prefix: KeyPrefix): Promise<void> => {
    // The look at what is published comes first: an upload that is published in between is not counted twice.
    const left = await quotaLeft(store, upload, quotaBytes)
    const open = (await openBelow(prefix)).filter(({ id }) => id !== upload.id)
    const isEarlier = ({ key, owner }: Upload) => key === upload.key && owner === upload.owner
    const needed = (upload.size ?? 0) + bytesOf(open.filter((other) => !isEarlier(other)))
    if (needed > left) throw new AssetError('ERR_QUOTA')
    if (needed + bytesOf(open.filter(isEarlier)) <= left) return
    for (const { id } of open.filter(isEarlier)) {
      creating.delete(id)
      await endUpload(location, id, 'dropped', services.now())
    }
  }

  return {
    async admit(upload, begin) {
      if (quotaBytes === null) return begin()
      const prefix = quotaPrefix(upload.key, upload.depth)
      const work = async () => {
        await requireRoom(upload, prefix)
        await begin()
        creating.set(upload.id, { upload, since: services.now() })
      }
      // One after the other: of two that fit only one by one, the second is refused.
      const mine = (queues.get(prefix) ?? Promise.resolve()).then(work, work)
      queues.set(prefix, mine)
      try {
        await mine
      } finally {
        if (queues.get(prefix) === mine) queues.delete(prefix)
      }
    },
    ended: (id) => void creating.delete(id),
  }
}

function bytesOf(uploads: readonly Upload[]): number {
  return uploads.reduce((sum, { size }) => sum + (size ?? 0), 0)
}
