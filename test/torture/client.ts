import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { SingleServer } from './single-server.ts'

/** A patient client: it mints, reads in ranges and uploads, and retries while a server is down. */

/** Statuses that mean: later. 0 is a connection that was refused or cut. */
const passing = new Set([0, 423, 429, 500, 502, 503, 504])

/** How a request ended; `status` is 0 where there was no answer. */
export interface Outcome {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** One request; a connection that fails is a status of 0. */
export async function ask(server: SingleServer, options: Parameters<SingleServer['send']>[0]): Promise<Outcome> {
  try {
    const { status, headers, body } = await server.send(options)
    return { status, headers, body }
  } catch {
    return { status: 0, headers: {}, body: Buffer.alloc(0) }
  }
}

/** The same, again until the answer is no longer one of waiting. */
export async function askPatiently(
  server: SingleServer,
  options: Parameters<SingleServer['send']>[0],
  seconds = 60,
): Promise<Outcome> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const outcome = await ask(server, options)
    if (!passing.has(outcome.status) || performance.now() > end) return outcome
    await delay(200)
  }
}

/** The `Cookie` header of a mint for a user. */
export async function mint(server: SingleServer, sub: string): Promise<string> {
  const outcome = await askPatiently(server, {
    path: '/_edge/session',
    headers: { authorization: `Bearer ${server.sessions().session(sub)}` },
  })
  if (outcome.status !== 200) throw new Error(`the mint was answered with ${outcome.status}`)
  const lines = [outcome.headers['set-cookie'] ?? []].flat()
  return lines
    .map((line) => line.split(';')[0] ?? '')
    .filter((pair) => !pair.endsWith('='))
    .join('; ')
}

/** A ticket for an upload as a user. */
export async function requestTicket(
  server: SingleServer,
  sub: string,
  wish: { readonly key: string; readonly size: number },
): Promise<{ readonly uploadId: string; readonly path: string; readonly headers: Record<string, string> }> {
  const outcome = await askPatiently(server, {
    method: 'POST',
    path: '/api/uploads',
    headers: { authorization: `Bearer ${server.sessions().session(sub)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ contentType: 'application/octet-stream', ...wish }),
  })
  if (outcome.status !== 201) throw new Error(`the ticket was answered with ${outcome.status} ${outcome.body}`)
  const { uploadId, url, headers } = JSON.parse(outcome.body.toString()) as {
    uploadId: string
    url: string
    headers: Record<string, string>
  }
  return { uploadId, path: new URL(url).pathname, headers }
}

/**
 * Sends bytes by tus (https://tus.io/protocols/resumable-upload): creates the upload, sends it in pieces, asks for the offset
 * where an answer failed, and confirms. The status of the confirmation.
 *
 * @param onSent called before each piece, with the bytes sent so far.
 */
export async function upload(
  server: SingleServer,
  sub: string,
  key: string,
  bytes: Buffer,
  onSent: (sent: number) => void = () => {},
  pieceSize = 512 * 1024,
): Promise<Outcome> {
  const ticket = await requestTicket(server, sub, { key, size: bytes.length })
  const created = await askPatiently(server, {
    method: 'POST',
    path: ticket.path,
    headers: { ...ticket.headers, 'upload-length': String(bytes.length) },
  })
  // A creation whose answer was lost has used the ticket up: a client asks for another one, as tus clients do.
  if (created.status === 410) return upload(server, sub, key, bytes, onSent, pieceSize)
  if (created.status !== 201) throw new Error(`the creation was answered with ${created.status} ${created.body}`)
  const path = new URL(String(created.headers.location), 'https://cdn.example.test').pathname
  const resumable = { 'tus-resumable': '1.0.0' }
  let offset = 0
  while (offset < bytes.length) {
    onSent(offset)
    const piece = await ask(server, {
      method: 'PATCH',
      path,
      headers: { ...resumable, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
      body: bytes.subarray(offset, offset + pieceSize),
    })
    if (piece.status === 204) {
      offset = Number(piece.headers['upload-offset'])
      continue
    }
    const asked = await askPatiently(server, { method: 'HEAD', path, headers: resumable })
    if (asked.status !== 200) throw new Error(`the offset was answered with ${asked.status} after ${piece.status}`)
    offset = Number(asked.headers['upload-offset'])
  }
  onSent(offset)
  return askPatiently(server, {
    method: 'POST',
    path: `/api/uploads/${ticket.uploadId}/confirm`,
    headers: { authorization: `Bearer ${server.sessions().session(sub)}`, 'content-type': 'application/json' },
    body: '{}',
  })
}

/** Bytes that are different for each name, and the same each time. */
export function noise(label: string, size: number): Buffer {
  const block = createHash('sha512').update(label).digest()
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += 64) {
    block.writeUInt32LE(at, 0)
    block.copy(bytes, at)
  }
  return bytes
}
