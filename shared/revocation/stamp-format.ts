/**
 * The `edge-issued` stamp: `<epoch>.<HMAC>`, which says when the cookies of a grant were made. The epoch of a policy cannot
 * serve, because the guard cannot verify CloudFront's signature.
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters, and no imports but of
 * such files. The HMAC is handed in: there the module is called `crypto`, in Node `node:crypto`.
 */

/** HMAC-SHA256 of a text under the stamp key, as base64url without padding. */
export type StampHmac = (message: string) => string

/**
 * The text that is authenticated. No part can hold `|`: a host has none, a prefix writes it `%7C`; so two different stamps
 * never have one text.
 */
function stampText(host: string, prefix: string, epoch: string): string {
  return `${host}|${prefix}|${epoch}`
}

/** Makes the stamp of a grant minted at `epoch` (seconds). */
export function formatStamp(hmac: StampHmac, host: string, prefix: string, epoch: number): string {
  return `${epoch}.${hmac(stampText(host, prefix, String(epoch)))}`
}

/** The epoch of a stamp made for this host and prefix; `undefined` where it is missing, foreign or forged. */
export function readStamp(hmac: StampHmac, host: string, prefix: string, stamp: string): number | undefined {
  const dot = stamp.indexOf('.')
  const epoch = dot < 0 ? '' : stamp.slice(0, dot)
  if (!/^(0|[1-9][0-9]{0,11})$/.test(epoch)) return undefined
  return isSameText(hmac(stampText(host, prefix, epoch)), stamp.slice(dot + 1)) ? Number(epoch) : undefined
}

/**
 * Compares in time that depends on the length only, so that an HMAC or a digest cannot be guessed character by character.
 * This file also runs as a CloudFront Function: no imports.
 */
export function isSameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}
