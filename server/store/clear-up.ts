import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Upload } from '../../shared/assets/upload.ts'
import { AssetError } from '../../shared/errors.ts'
import { unlessMissing } from './faults.ts'
import { readIncoming } from './incoming.ts'
import type { LocalLocation } from './location.ts'
import { forgetRemoved } from './modification-time.ts'
import { dropTicket, isUploadId, readTicket, type Ticket } from './tickets.ts'
import { dropBytes, endUpload } from './upload-end.ts'

/** Leftovers that no declaration tells the end of, and complete uploads that nobody judged in time, are kept for a day. */
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
    const ticket = await readTicket(location, id).catch(ofFault)
    // A fault of the system says nothing about the upload.
    if (ticket === 'unreadable') {
      known.add(id)
      continue
    }
    const isRefused = ticket !== undefined && isRevoked(ticket.upload)
    const hasArrived = !isRefused && (await readIncoming(location, id).catch(() => undefined)) !== undefined
    if (ticket === undefined || now >= endOf(ticket, hasArrived)) {
      await dropBytes(location, id)
      await dropTicket(location, id)
      continue
    }
    known.add(id)
    if (isRefused) await endUpload(location, id, 'dropped', now)
    else if (hasArrived) complete.push(id)
  }
  for (const name of await readdir(incoming)) {
    const id = name.replace(/\.\w+$/, '')
    if (!isUploadId(id) || !known.has(id)) await removeOld(join(incoming, name), now)
  }
  for (const name of await readdir(drafts)) await removeOld(join(drafts, name), now)
  await forgetRemoved(location, now)
  return complete
}

function ofFault(error: unknown): 'unreadable' | undefined {
  return error instanceof AssetError ? undefined : 'unreadable'
}

/** What arrived in time is published after a long stop, too: until it was tried, nobody could refuse it. */
function endOf({ upload, unknownFrom }: Ticket, hasArrived: boolean): number {
  return upload.expiresAt + (hasArrived && unknownFrom === undefined ? leftoverSeconds : 0)
}

async function removeOld(path: string, now: number): Promise<void> {
  const stats = await unlessMissing(stat(path))
  if (stats !== undefined && stats.mtimeMs / 1000 < now - leftoverSeconds) {
    await rm(path, { force: true, recursive: true })
  }
}
