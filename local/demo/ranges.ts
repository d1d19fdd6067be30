import { createHash } from 'node:crypto'
import type { Response } from 'undici'
import { LocalError } from '../local-error.ts'
import type { Browser } from './browser.ts'

const step = 2 ** 20

/** What came of a file that was read from its first byte to its last. */
export interface WholeFile {
  readonly count: number
  readonly size: number
  readonly sha256: string
}

/** Reads a file in ranges of 1 MiB. @throws LocalError where one is refused. */
export async function readByRanges(browser: Browser, path: string): Promise<WholeFile> {
  const hash = createHash('sha256')
  for (let start = 0, count = 1; ; start += step, count++) {
    const part = await browser.get(path, { range: `bytes=${start}-${start + step - 1}` })
    expectStatus(`range ${count}`, part, 206)
    hash.update(Buffer.from(await part.arrayBuffer()))
    const size = Number(part.headers.get('content-range')?.split('/')[1])
    if (!(size > 0)) throw new LocalError('Demo: a 206 without the size in Content-Range.')
    if (start + step >= size) return { count, size, sha256: hash.digest('hex') }
  }
}

/** @throws LocalError naming the step, where the answer has another status. */
export function expectStatus(name: string, response: Response, status: number): void {
  if (response.status !== status) throw new LocalError(`Demo: ${name}: status ${response.status}, expected ${status}.`)
}
