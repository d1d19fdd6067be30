import { hmacSha256 } from '../crypto.ts'
import { formatStamp, readStamp, type StampHmac } from './stamp-format.ts'

/**
 * The value of the `edge-issued` cookie for a grant.
 *
 * @param stampKey from the key document; its characters as written are the key.
 * @param epoch when the cookies are made, in seconds.
 */
export function issueStamp(stampKey: string, host: string, prefix: string, epoch: number): string {
  return formatStamp(nodeHmac(stampKey), host, prefix, epoch)
}

/** Returns when the cookies were made, in epoch seconds; `undefined` if the stamp is not a valid one for this host and prefix. */
export function verifyStamp(stampKey: string, host: string, prefix: string, stamp: string): number | undefined {
  return readStamp(nodeHmac(stampKey), host, prefix, stamp)
}

function nodeHmac(stampKey: string): StampHmac {
  return (message) => hmacSha256(stampKey, message)
}
