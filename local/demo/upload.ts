import { createHash, randomBytes } from 'node:crypto'
import { LocalError } from '../local-error.ts'
import type { Browser } from './browser.ts'
import { expectStatus, readByRanges } from './ranges.ts'

/** As a front end does it: a ticket, the bytes, a confirm; then through the signed path like any other file. */
export async function uploadAndReadBack(browser: Browser, print: (line: string) => void): Promise<void> {
  const bytes = randomBytes(3 * 2 ** 20 + 1)
  const key = 'users/alice/uploads/from the demo.bin'
  const path = `/${key.replaceAll(' ', '%20')}`
  const json = { origin: browser.origin, 'content-type': 'application/json' }
  const wish = { key, contentType: 'application/octet-stream', size: bytes.length, overwrite: true }
  const allowed = await browser.send('POST', '/api/uploads', json, JSON.stringify(wish))
  expectStatus('upload ticket', allowed, 201)
  const ticket = (await allowed.json()) as { uploadId: string; url: string; headers: Record<string, string> }

  const length = { 'upload-length': String(bytes.length) }
  const created = await browser.sendPlain('POST', ticket.url, { ...ticket.headers, ...length })
  expectStatus('upload begins', created, 201)
  const target = created.headers.get('location') ?? ''
  const half = Math.floor(bytes.length / 2)
  await sendPiece(browser, target, 0, bytes.subarray(0, half))
  expectStatus('not readable before it is complete', await browser.get(path), 404)
  await sendPiece(browser, target, half, bytes.subarray(half))
  const confirmed = await browser.send('POST', `/api/uploads/${ticket.uploadId}/confirm`, json, '{}')
  expectStatus('confirm', confirmed, 200)

  const read = await readByRanges(browser, path)
  if (read.sha256 !== createHash('sha256').update(bytes).digest('hex')) {
    throw new LocalError('Demo: what was read back is not what was uploaded.')
  }
  print(`✓ uploaded ${key} in two pieces, read back, sha256 ${read.sha256.slice(0, 12)}… as sent`)
}

async function sendPiece(browser: Browser, target: string, offset: number, piece: Buffer): Promise<void> {
  const headers = {
    'tus-resumable': '1.0.0',
    'upload-offset': String(offset),
    'content-type': 'application/offset+octet-stream',
  }
  expectStatus('upload goes on', await browser.sendPlain('PATCH', target, headers, Uint8Array.from(piece)), 204)
}
