import { readdir } from 'node:fs/promises'
import type { ApiServices } from '../../functions/api/services.ts'
import type { KeyPrefix } from '../../shared/assets/object-key.ts'
import { AssetError } from '../../shared/errors.ts'
import { publishedBy } from '../../shared/uploads/publish.ts'
import { quotaLeft, quotaPrefix } from '../../shared/uploads/quota.ts'
import type { Upload } from '../../shared/uploads/upload.ts'
import type { LocalLocation } from '../store/location.ts'
import { readDeclaration } from '../store/tickets.ts'
import { endUpload } from '../store/upload-end.ts'

/** Seconds in which an upload server has made the file of an upload that it may create, or never makes it. */
const creationSeconds = 60

/** Uploads under way, as far as they count against the quota of their prefix. */
export interface OpenUploads {
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
export function createOpenUploads(location: LocalLocation, services: ApiServices): OpenUploads {
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
