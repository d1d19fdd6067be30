/**
 * The prefixes of a path at the depths of the grant templates; each ends with its slash. A grant for the path, and a
 * revocation of it, can only be one of these.
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters or imports.
 *
 * @param segments the path split at `/`: the first is empty.
 */
export function prefixesOf(segments: readonly string[], depths: readonly number[]): string[] {
  return depths
    .filter((depth) => depth + 1 < segments.length)
    .map((depth) => `${segments.slice(0, depth + 1).join('/')}/`)
}
