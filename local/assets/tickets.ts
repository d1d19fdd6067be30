import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AssetError } from '../../shared/errors.ts'
import type { Upload } from '../../shared/uploads/upload.ts'
import { formatUploadRecord, parseUploadRecord } from '../../shared/uploads/upload-record.ts'
import { errorName, unlessMissing } from './faults.ts'
import type { LocalLocation } from './location.ts'
import { draftPath } from './place.ts'

/** What an id looks like. Anything else would be a path. */
export function isUploadId(id: string): boolean {
  return /^[\w-]{22}$/.test(id)
}

/**
 * Uses a ticket up: keeps its declaration, and which request it was. A ticket is used once, whoever asks and however often, because
 * its file can be made once; and it is made whole, so that a full disk uses nothing up.
 *
 * @param requestId of the HTTP request that creates the upload; empty where nobody vouches for one.
 * @throws AssetError `ERR_UPLOAD_USED`.
 */
export async function takeTicket(location: LocalLocation, upload: Upload, requestId: string): Promise<void> {
  const draft = draftPath(location)
  try {
    await writeFile(draft, `${formatUploadRecord(upload)}\n${requestId}`, { mode: 0o600 })
    await link(draft, ticketPath(location, upload.id))
  } catch (error) {
    if (errorName(error) === 'EEXIST') throw new AssetError('ERR_UPLOAD_USED')
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** The declaration of an upload that was begun. */
export async function readDeclaration(location: LocalLocation, id: string): Promise<Upload | undefined> {
  const [record] = (await readTicket(location, id)) ?? []
  return record === undefined ? undefined : parseUploadRecord(record)
}

/** Whether this very request used the ticket up. */
export async function isTakenBy(location: LocalLocation, id: string, requestId: string): Promise<boolean> {
  const [, taker = ''] = (await readTicket(location, id)) ?? []
  return taker !== '' && taker === requestId
}

/** Forgets that a ticket was used. */
export async function dropTicket(location: LocalLocation, id: string): Promise<void> {
  await rm(ticketPath(location, id), { force: true })
}

async function readTicket(location: LocalLocation, id: string): Promise<string[] | undefined> {
  if (!isUploadId(id)) return undefined
  return (await unlessMissing(readFile(ticketPath(location, id), 'utf8')))?.split('\n')
}

function ticketPath({ area }: LocalLocation, id: string): string {
  return join(area.tickets, id)
}
