import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Crc64Nvme } from '@aws-sdk/checksums/crc'
import type { Checksum, ChecksumAlgorithm } from '../../shared/assets/checksum.ts'

const known = new Map<string, { readonly fingerprint: string; readonly checksum: Promise<Checksum> }>()

/** The checksum of a file in one state. Read once: publishing, confirming and a second confirm all ask. */
export function knownChecksum(path: string, algorithm: ChecksumAlgorithm, fingerprint: string): Promise<Checksum> {
  const there = known.get(path)
  if (there?.fingerprint === fingerprint) return there.checksum
  const checksum = fileChecksum(path, algorithm)
  known.set(path, { fingerprint, checksum })
  checksum.catch(() => known.delete(path))
  return checksum
}

/** Forgets the checksum of a file that is gone. */
export function forgetChecksum(path: string): void {
  known.delete(path)
}

/** The checksum of a whole file, read once in pieces. */
async function fileChecksum(path: string, algorithm: ChecksumAlgorithm): Promise<Checksum> {
  const pieces = createReadStream(path, { highWaterMark: 256 * 1024 })
  if (algorithm === 'SHA256') {
    const hash = createHash('sha256')
    for await (const piece of pieces) hash.update(piece as Buffer)
    return { algorithm, value: hash.digest('base64') }
  }
  const crc = new Crc64Nvme()
  for await (const piece of pieces) crc.update(piece as Buffer)
  return { algorithm, value: Buffer.from(await crc.digest()).toString('base64') }
}
