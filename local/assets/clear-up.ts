import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Upload } from '../../shared/uploads/upload.ts'
import { unlessMissing } from './faults.ts'
import { discardIncoming, readIncoming } from './incoming.ts'
import type { LocalLocation } from './location.ts'
import { dropTicket, isUploadId, readDeclaration } from './tickets.ts'

/** Leftovers that no declaration tells the end of are kept for a day. */
const leftoverSeconds = 86_400

/**
 * Drops uploads that have come to their end, with everything of theirs, and leftovers of crashes. Published files are untouched:
 * they have another name by then.
 *
 * @param now epoch seconds.
 * @param isRevoked tells uploads that must not go on: what has arrived of them is dropped, their tickets stay used.
 * @returns the ids of uploads that are complete but not published: whoever should have done it was interrupted.
 */
export async function clearUp(
  location: LocalLocation,
  now: number,
  isRevoked: (upload: Upload) => boolean = () => false,
): Promise<string[]> {
  const { tickets, incoming, drafts } = location.area
  const complete: string[] = []
  const known = new Set<string>()
  for (const id of await readdir(tickets)) {
    const upload = await readDeclaration(location, id).catch(() => undefined)
    if (upload === undefined || now >= upload.expiresAt) {
      await discardIncoming(location, id)
      await dropTicket(location, id)
      continue
    }
    known.add(id)
    if (isRevoked(upload)) await discardIncoming(location, id)
    else if ((await readIncoming(location, id).catch(() => undefined)) !== undefined) complete.push(id)
  }
  for (const name of await readdir(incoming)) {
    const id = name.replace(/\.\w+$/, '')
    if (!isUploadId(id) || !known.has(id)) await removeOld(join(incoming, name), now)
  }
  for (const name of await readdir(drafts)) await removeOld(join(drafts, name), now)
  return complete
}

async function removeOld(path: string, now: number): Promise<void> {
  const stats = await unlessMissing(stat(path))
  if (stats !== undefined && stats.mtimeMs / 1000 < now - leftoverSeconds) {
    await rm(path, { force: true, recursive: true })
  }
}
