/**
 * IPv4 addresses and CIDR blocks, as a policy's `IpAddress` names them (RFC 4632 section 3.1).
 * This file also runs in njs: no classes, spread, destructuring, default parameters or imports. In njs `$` also matches before a
 * line feed at the end, so it is written `$(?!\n)`.
 */

/** A block of addresses: `bits` leading bits of `address` count. */
export interface Ipv4Block {
  readonly address: number
  readonly bits: number
}

/** Reads dotted decimal without leading zeros, which some readers take for octal. `undefined` for anything else. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let address = 0
  for (let i = 0; i < 4; i++) {
    const part = String(parts[i])
    const number = parseDecimal(part)
    if (number === undefined || number > 255) return undefined
    address = address * 256 + number
  }
  return address
}

/** Reads `192.0.2.1` or `192.0.2.0/24`. `undefined` for anything else, so for every IPv6 form too. */
export function parseIpv4Block(text: string): Ipv4Block | undefined {
  const slash = text.indexOf('/')
  const address = parseIpv4(slash < 0 ? text : text.slice(0, slash))
  if (address === undefined) return undefined
  if (slash < 0) return { address: address, bits: 32 }
  const bits = parseDecimal(text.slice(slash + 1))
  if (bits === undefined || bits > 32) return undefined
  return { address: address, bits: bits }
}

function parseDecimal(text: string): number | undefined {
  return /^(?:0|[1-9][0-9]{0,2})$(?!\n)/.test(text) ? Number(text) : undefined
}

/** Returns true if the block holds the address. An address that is not IPv4 is in no block. */
export function blockHolds(block: Ipv4Block, clientIp: string): boolean {
  const address = parseIpv4(clientIp)
  if (address === undefined) return false
  const size = 2 ** (32 - block.bits)
  return Math.floor(address / size) === Math.floor(block.address / size)
}
