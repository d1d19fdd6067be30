import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { UploadEnd } from '../../shared/assets/asset-store.ts'
import { formatUpload, parseUpload, type Upload } from '../../shared/assets/upload.ts'
import { AssetError } from '../../shared/errors.ts'
import { errorName, unlessMissing } from './faults.ts'
import { draftPath, inOrder, type LocalLocation } from './location.ts'

/**
 * The ticket of an upload that was begun: a file named by the upload's id, of four lines. They are the declaration, the request that
 * began the upload, the moment from which the upload is unknown to clients, and a `1` once nothing of it may be published any more.
 */
export interface Ticket {
  readonly upload: Upload
  /** Of the HTTP request that created the upload; empty where nobody vouches for one. */
  readonly requestId: string
  /**
   * Epoch seconds from which `HEAD` answers 404; `undefined` while the upload goes on. tus clients remember the URL of a finished
   * upload by the file's fingerprint: as long as it is there, they send nothing of the same file again, whatever the new ticket says.
   */
  readonly unknownFrom: number | undefined
  readonly hasEnded: boolean
}

/** Seconds for which a client whose last answer was lost may still ask for an upload that is over. */
const answeredSeconds = 15

/** Returns whether a text has the form of an upload's id. Anything else would be a path. */
export function isUploadId(id: string): boolean {
  return /^[\w-]{22}$/.test(id)
}

/**
 * Uses a ticket up: keeps its declaration, and which request it was. A ticket is used once, whoever asks and however often, because
 * its file can be made once; and it is made whole, so that a full disk uses nothing up.
 *
 * @throws AssetError `ERR_UPLOAD_USED`.
 */
export async function takeTicket(location: LocalLocation, upload: Upload, requestId: string): Promise<void> {
  const ticket = { upload, requestId, unknownFrom: undefined, hasEnded: false }
  await write(location, ticket, async (draft, path) => {
    try {
      await link(draft, path)
    } catch (error) {
      if (errorName(error) === 'EEXIST') throw new AssetError('ERR_UPLOAD_USED')
      throw error
    }
  })
}

/** The ticket of an upload that was begun. */
export async function readTicket(location: LocalLocation, id: string): Promise<Ticket | undefined> {
  if (!isUploadId(id)) return undefined
  const text = await unlessMissing(readFile(ticketPath(location, id), 'utf8'))
  if (text === undefined) return undefined
  const [record = '', requestId = '', unknownFrom = '', ended] = text.split('\n')
  return {
    upload: parseUpload(record),
    requestId,
    unknownFrom: /^\d+$/.test(unknownFrom) ? Number(unknownFrom) : undefined,
    hasEnded: ended === '1',
  }
}

/** The declaration of an upload that was begun. */
export async function readDeclaration(location: LocalLocation, id: string): Promise<Upload | undefined> {
  return (await readTicket(location, id))?.upload
}

/** Writes down that an upload has ended. Idempotent; the first end that makes it unknown to clients counts. */
export async function endTicket(location: LocalLocation, id: string, how: UploadEnd, now: number): Promise<void> {
  await change(location, id, now + (how === 'published' ? answeredSeconds : 0), true)
}

/** Writes down that publishing was refused. The upload is soon unknown to clients, and may still be confirmed. */
export async function refuseTicket(location: LocalLocation, id: string, now: number): Promise<void> {
  await change(location, id, now + answeredSeconds, false)
}

/** Returns whether this very request used the ticket up. */
export async function isTakenBy(location: LocalLocation, id: string, requestId: string): Promise<boolean> {
  const taker = (await readTicket(location, id))?.requestId ?? ''
  return taker !== '' && taker === requestId
}

/** Forgets that a ticket was used. */
export async function dropTicket(location: LocalLocation, id: string): Promise<void> {
  await rm(ticketPath(location, id), { force: true })
}

/** One change after the other, or a later moment would replace an earlier one. */
function change(location: LocalLocation, id: string, unknownFrom: number, hasEnded: boolean): Promise<void> {
  return inOrder(ticketPath(location, id), async () => {
    const ticket = await readTicket(location, id)
    if (ticket === undefined) return
    const next = {
      ...ticket,
      unknownFrom: Math.min(unknownFrom, ticket.unknownFrom ?? unknownFrom),
      hasEnded: hasEnded || ticket.hasEnded,
    }
    if (next.unknownFrom === ticket.unknownFrom && next.hasEnded === ticket.hasEnded) return
    await write(location, next, (draft, path) => rename(draft, path))
  })
}

/** Readers meet all of it or nothing. */
async function write(
  location: LocalLocation,
  { upload, requestId, unknownFrom, hasEnded }: Ticket,
  place: (draft: string, path: string) => Promise<void>,
): Promise<void> {
  const draft = draftPath(location)
  const lines = [formatUpload(upload), requestId, unknownFrom ?? '', hasEnded ? '1' : '']
  try {
    await writeFile(draft, lines.join('\n'), { mode: 0o600 })
    await place(draft, ticketPath(location, upload.id))
  } finally {
    await rm(draft, { force: true })
  }
}

function ticketPath({ area }: LocalLocation, id: string): string {
  return join(area.tickets, id)
}
