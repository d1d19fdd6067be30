import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The bucket that the suite expects. For a deployed stage write it once and copy it up (the image is sparse here, not in S3):
 *
 *     node test/contract/content.ts DIR && aws s3 sync DIR s3://BUCKET
 */

/** 1 MiB of bytes that differ at every offset a test looks at. */
export const disk = pseudoRandom('alice disk', 2 ** 20)
/** Content that only bob may read. */
export const bobSecret = `bob's secret ${createHash('sha256').update('bob').digest('hex')}\n`
export const alice2Secret = `alice2's secret ${createHash('sha256').update('alice2').digest('hex')}\n`
/** In places of the bucket that no behaviour serves. */
export const internalSecret = `internal ${createHash('sha256').update('internal').digest('hex')}\n`
/** Every text that a refusal must not hold. */
export const secrets = [bobSecret, alice2Secret, internalSecret]

/** A sparse image beyond 4 GiB, where 32-bit offsets wrap: 5 GiB and 3 bytes, zeros but for three marks. */
export const image = {
  path: '/users/alice/images/big.raw',
  size: 5 * 2 ** 30 + 3,
  marks: [
    { offset: 0, bytes: Buffer.from('start of image') },
    { offset: 2 ** 32 - 4, bytes: Buffer.from('across 4GiB') },
    { offset: 5 * 2 ** 30 + 3 - 12, bytes: Buffer.from('end of image') },
  ],
} as const

/** A name that is not itself in a URL: spaces, brackets, plus, a letter beyond ASCII. */
export const oddName = 'report (1) +é.txt'
export const html = '<!doctype html><script>document.title = "ran"</script>\n'
export const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>top.ran = true</script></svg>\n'

const files: Readonly<Record<string, string | Buffer>> = {
  'users/alice/disk.bin': disk,
  'users/alice/empty.bin': '',
  'users/alice/one.bin': 'x',
  'users/alice/range-only/disk.bin': disk,
  'users/alice/page.html': html,
  'users/alice/drawing.svg': svg,
  'users/alice/script.js': 'globalThis.ran = true\n',
  'users/alice/feed.xml': '<?xml version="1.0"?><feed/>\n',
  [`users/alice/${oddName}`]: 'odd\n',
  'users/alice/index.html': html,
  'users/alice2/secret.bin': alice2Secret,
  'users/bob/secret.bin': bobSecret,
  'teams/red/notes.txt': 'red team\n',
  'teams/blue/notes.txt': 'blue team\n',
  'public/logo.txt': 'logo\n',
  'public/disk.bin': disk,
  'public/page.html': html,
  'public/drawing.svg': svg,
  '_state/revocations-backup.json': internalSecret,
  '_incoming/0001': internalSecret,
  'private-notes.txt': internalSecret,
}

/** Writes the tree. Files that exist are written again. */
export function writeContent(directory: string): void {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), bytes)
  }
  writeImage(join(directory, image.path))
}

function writeImage(file: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '')
  truncateSync(file, image.size)
  const handle = openSync(file, 'r+')
  for (const { offset, bytes } of image.marks) writeSync(handle, bytes, 0, bytes.length, offset)
  closeSync(handle)
}

function pseudoRandom(seed: string, size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, block) =>
    createHash('sha256').update(`${seed} ${block}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, size)
}

const [, script, target] = process.argv
if (script !== undefined && import.meta.url === `file://${script}` && target !== undefined) writeContent(target)
