import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Crc64Nvme } from '@aws-sdk/checksums/crc'
import type { Checksum, ChecksumAlgorithm } from '../../shared/assets/checksum.ts'

/** The checksum of a whole file, read once in pieces. */
export async function fileChecksum(path: string, algorithm: ChecksumAlgorithm): Promise<Checksum> {
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
