/**
 * Keeps secrets out of the terminal: anybody who reads a signature or a token in a scroll-back, a ticket or a CI log can open
 * files with it.
 */

/** A run that could be a signature, a policy, a token or a key: long, and in a base64 alphabet. */
const longRun = /[A-Za-z0-9+/~_=-]{40,}/g

/** Shortens every long run of base64 characters, for messages that may repeat user input. */
export function redactText(text: string): string {
  return text.replace(longRun, (run) => shorten(run))
}

/** Returns the beginning of a value and its length, which suffice to distinguish two values. */
export function shorten(value: string): string {
  return value.length <= 12 ? value : `${value.slice(0, 6)}…(${value.length} characters)`
}

/** Formats a key pair id. A value longer than any id is shortened, because it may be a misplaced signature. */
export function showKeyId(id: string): string {
  return id.length <= 64 ? id : shorten(id)
}

/** A run in a path segment that could be a token. File names are rarely that long. */
const longRunOfSegment = /[A-Za-z0-9+~_=-]{40,}/g

/** Signature parameters in the path of a signed URL that lost its `?`, or has it percent-encoded. */
const signatureInPath = /(?<=(?:Signature|Policy)(?:=|%(?:25)*3D))(?:(?!%(?:25)*26)[^&?#])+/gi

/** Formats a URL with shortened query values, and without the parts of its path that could be a secret. */
export function showUrl(url: string): string {
  const question = url.indexOf('?')
  if (question < 0) return showPath(url)
  const parts = url.slice(question + 1).split('&')
  const shown = parts.map((part) => {
    const equals = part.indexOf('=')
    return equals < 0 ? shorten(part) : `${part.slice(0, equals + 1)}${shorten(part.slice(equals + 1))}`
  })
  return `${showPath(url.slice(0, question))}?${shown.join('&')}`
}

function showPath(path: string): string {
  return path.replace(signatureInPath, shorten).replace(longRunOfSegment, shorten)
}
