import { createHmac, hash } from 'node:crypto'

/** SHA-256 works on blocks of 64 bytes. */
const block = 64
const maxTextLength = 1024

/** The two buffers of RFC 2104 for the key used last: a padded key, and room for what is hashed after it. */
const inner = Buffer.alloc(block + maxTextLength)
const outer = Buffer.alloc(block + 32)
let current: string | undefined

/**
 * HMAC-SHA256 of a text, as base64url without padding. `key` is taken as its UTF-8 bytes.
 *
 * HMAC is `H(key ^ opad, H(key ^ ipad, text))` (RFC 2104 section 2). With the two hashes spelt out it costs two fifths of
 * `createHmac`, which makes an object and sets up the key for each text; and each mint needs two.
 */
export function hmacSha256(key: string, text: string): string {
  // `length` counts UTF-16 units, of which each is at most three bytes.
  if (text.length * 3 > maxTextLength) return createHmac('sha256', key).update(text).digest('base64url')
  if (key !== current) pad(key)
  const end = block + inner.write(text, block)
  outer.write(hash('sha256', inner.subarray(0, end), 'binary'), block, 'binary')
  return hash('sha256', outer, 'base64url')
}

function pad(key: string): void {
  const bytes = Buffer.from(key)
  // A key longer than a block is replaced by its hash, one shorter is filled up with zeros.
  const padded = Buffer.alloc(block)
  padded.set(bytes.length > block ? Buffer.from(hash('sha256', bytes), 'hex') : bytes)
  for (let i = 0; i < block; i++) {
    const byte = padded[i] ?? 0
    inner[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  current = key
}
