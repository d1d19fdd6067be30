import { type Check, fail, pass, unknown } from '../check.ts'

/** What may stand in a path raw or encoded, as clients differ: RFC 3986 section 3.3, and what browsers leave as it is. */
const rawOrEncoded = /[!$&'()*+,;=:@[\]^|]/g

/** What ends a segment, a line or a text for some reader, once it is decoded. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
const hidden = /[/\\\u0000-\u001f\u007f]/

/** The guard serves a path in one spelling only, so that signature, behaviour and object key are about the same file. */
export const canonicalPath: Check = {
  name: 'canonical-path',
  by: 'guard',
  run({ request }) {
    if (request === undefined) return unknown('the requested URL was not given')
    if (isCanonicalPath(request.path)) return pass('the path is in its one spelling')
    return fail(
      'path-not-canonical',
      'the path has dot segments, an empty segment, lower-case or needless percent-encoding, or an encoded / or \\',
      'Send the path as encodeURIComponent writes each segment, joined with single slashes.',
    )
  },
}

/** Whether decoding and encoding again gives the path back, with no segment that readers would remove or split. */
export function isCanonicalPath(path: string): boolean {
  const segments = path.slice(1).split('/')
  const last = segments.length - 1
  return (
    path.startsWith('/') && segments.every((segment, i) => (segment === '' ? i === last : isCanonicalSegment(segment)))
  )
}

function isCanonicalSegment(segment: string): boolean {
  const sent = segment.replace(rawOrEncoded, percentEncode)
  try {
    const text = decodeURIComponent(sent)
    const written = encodeURIComponent(text).replace(rawOrEncoded, percentEncode)
    return text !== '.' && text !== '..' && !hidden.test(text) && written === sent
  } catch {
    return false
  }
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
