import { AssetError } from '../errors.ts'

/** The checksums that S3 verifies for the whole object in one request (`x-amz-checksum-…`). */
export type ChecksumAlgorithm = 'SHA256' | 'CRC64NVME'

/** A checksum of the whole file; `value` is base64 of the big-endian bytes, as in S3's headers. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm
  readonly value: string
}

const byteLengths: Readonly<Record<ChecksumAlgorithm, number>> = { SHA256: 32, CRC64NVME: 8 }

/**
 * Parses a checksum from outside: canonical base64 of exactly the algorithm's bytes.
 *
 * @throws AssetError `ERR_CHECKSUM`.
 */
export function parseChecksum(algorithm: string, value: string): Checksum {
  if (algorithm !== 'SHA256' && algorithm !== 'CRC64NVME') throw new AssetError('ERR_CHECKSUM')
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== byteLengths[algorithm] || bytes.toString('base64') !== value)
    throw new AssetError('ERR_CHECKSUM')
  return { algorithm, value }
}
