import { RequestError } from '../errors.ts'
import type { OriginCheck } from '../read/cors.ts'

/** Target of a browser after a mint, a login or a sign-out. `location` is safe in a `Location` header. */
export type ReturnAddress =
  | { readonly kind: 'local'; readonly location: string; readonly path: string }
  | { readonly kind: 'allowed-origin'; readonly location: string }

/** Longer addresses would not fit the login page's own URL. */
const maxLength = 2048
/** Decoding goes on until nothing changes; nobody sends more layers in good faith. */
const maxDepth = 4

// biome-ignore lint/suspicious/noControlCharactersInRegex: browsers strip or stop at control characters
const treacherous = /[\u0000-\u001f\u007f-\u009f\\]|\/\/|\/\.{1,2}(?:\/|$)/

/**
 * Parses a `return` parameter, already decoded once: a path of this host, or a URL of an allowed origin.
 *
 * An address that some browser or proxy could read as another one sends a user, just signed in, to somebody else's page
 * (open redirect, CWE-601). So a path must not hold `//`, `\`, dot segments or control characters, however often encoded.
 *
 * @throws RequestError `ERR_RETURN_INVALID`.
 */
export function parseReturnAddress(value: string, isAllowed: OriginCheck): ReturnAddress {
  if (value.length > maxLength || /\p{Surrogate}/u.test(value)) throw new RequestError('ERR_RETURN_INVALID')
  if (/^https?:\/\//.test(value)) return parseAllowedUrl(value, isAllowed)
  const path = /^[^?#]*/.exec(value)?.[0] ?? ''
  if (!path.startsWith('/')) throw new RequestError('ERR_RETURN_INVALID')
  refuseTreacherous(path, value.slice(path.length))
  return { kind: 'local', location: headerSafe(value), path: headerSafe(path) }
}

function parseAllowedUrl(value: string, isAllowed: OriginCheck): ReturnAddress {
  const rest = value.slice(value.indexOf('://') + 3)
  const path = /^[^?#]*/.exec(rest)?.[0] ?? ''
  refuseTreacherous(path, rest.slice(path.length))
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw new RequestError('ERR_RETURN_INVALID')
  }
  // `https://app.example.com@evil.test/` has evil.test as its origin; a user name before an allowed host only misleads.
  if (!isAllowed(url.origin) || url.username !== '' || url.password !== '') throw new RequestError('ERR_RETURN_INVALID')
  // The parser's own spelling: what was checked is what the browser gets.
  return { kind: 'allowed-origin', location: url.href }
}

/** Looks at the path in every layer of its encoding, and for control characters and `\` also at the query and fragment. */
function refuseTreacherous(path: string, rest: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: see `treacherous`
  if (/[\u0000-\u001f\u007f-\u009f\\]/.test(rest)) throw new RequestError('ERR_RETURN_INVALID')
  let layer = path
  for (let depth = 0; depth <= maxDepth; depth++) {
    if (treacherous.test(layer)) throw new RequestError('ERR_RETURN_INVALID')
    const decoded = decodeLayer(layer, depth)
    if (decoded === layer) return
    layer = decoded
  }
  throw new RequestError('ERR_RETURN_INVALID')
}

function decodeLayer(layer: string, depth: number): string {
  if (!layer.includes('%')) return layer
  try {
    return decodeURIComponent(layer)
  } catch {
    // The outermost layer must be well formed; deeper, a `%` is part of a name such as `100%`. What does decode there is
    // still looked at, byte by byte.
    if (depth === 0) throw new RequestError('ERR_RETURN_INVALID')
    return layer.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
}

/** Escapes what a header line cannot hold: `return=/users/é` was decoded from the query and needs its encoding back. */
export function headerSafe(value: string): string {
  return value.replace(/[^\x21-\x7e]/gu, encodeURIComponent)
}
