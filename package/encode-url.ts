/** `https://<host>[:port]/…`. No user name: text before an `@` could be mistaken for the host. */
const form = /^https:\/\/([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?)(\/[^?#]*)(?:\?([^#]*))?$/is

/**
 * Percent-encodes a URL as AWS's own signer does, so that both sign the same bytes: each segment of the path once, parts of
 * the query that are not encoded yet. One difference: `%2A` stays. AWS's signer decodes it to `*`, which is a wildcard in a
 * policy and would open other files.
 *
 * @returns `undefined` for anything that is not an absolute https URL, and for a raw `*`, which would be a wildcard.
 */
export function encodeUrl(url: string): string | undefined {
  const [, host, path = '', query] = form.exec(url) ?? []
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
  if (host === undefined || /[*\\\u0000-\u001f\u007f]|\p{Surrogate}/u.test(url)) return undefined
  if (/%(?:[01][0-9a-f]|7f|5c|2f)/i.test(path) || path.split('/').some(isDotSegment)) return undefined
  const pairs = (query ?? '').split('&').filter((pair) => pair !== '')
  const encodedQuery = pairs.length === 0 ? '' : `?${pairs.map(encodePair).join('&')}`
  return `https://${host.toLowerCase()}${path.replace(/[^/]+/g, encodeSegment)}${encodedQuery}`
}

/** A browser would remove it and request another path than the one that was signed. */
function isDotSegment(segment: string): boolean {
  return /^(?:\.|%2e){1,2}$/i.test(segment)
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(decoded(segment)).replaceAll('*', '%2A')
}

/** A `%` that begins no escape is part of the name. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function encodePair(pair: string): string {
  const equals = pair.indexOf('=')
  return equals < 0
    ? `${encodeComponent(pair)}=`
    : `${encodeComponent(pair.slice(0, equals))}=${encodeComponent(pair.slice(equals + 1))}`
}

function encodeComponent(component: string): string {
  return component
    .split(/(%[0-9A-Fa-f]{2}|\+)/g)
    .map((part, i) => (i % 2 === 1 ? part.toUpperCase() : encodeURIComponent(part).replaceAll("'", '%27')))
    .join('')
}
