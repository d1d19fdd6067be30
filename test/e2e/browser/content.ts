import { createHash } from 'node:crypto'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** 1 MiB whose every 32 bytes differ. */
export const disk = Buffer.concat(
  Array.from({ length: 2 ** 15 }, (_, block) => createHash('sha256').update(`disk ${block}`).digest()),
)
/** Content that only bob may read. */
export const bobSecret = 'the secret of bob\n'
/** A PNG of one pixel. */
export const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
/** Larger than what browsers and servers hold in their buffers. */
export const largeSize = 512 * 2 ** 20

/** Writes the bucket of the browser tests; `large.raw` is sparse. */
export function writeBucket(directory: string, more: Readonly<Record<string, string | Buffer>> = {}): void {
  const files = {
    'users/alice/disk.bin': disk,
    'users/alice/notes.txt': 'notes of alice\n',
    'users/alice/pixel.png': pixel,
    'users/alice/large.raw': '',
    'users/bob/notes.txt': bobSecret,
    'public/pixel.png': pixel,
    ...more,
  }
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), bytes)
  }
  truncateSync(join(directory, 'users/alice/large.raw'), largeSize)
}
