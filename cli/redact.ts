/**
 * Keeping secrets out of the terminal: a signature or a token in a scroll-back, a ticket or a CI log opens files for whoever
 * reads it.
 */

/** A run that could be a signature, a policy, a token or a key: long, and of a base64 alphabet. */
const longRun = /[A-Za-z0-9+/~_=-]{40,}/g

/** Shortens every long run of base64 characters: for messages that may repeat what was typed. */
export function redactText(text: string): string {
  return printable(text.replace(longRun, (run) => shorten(run)))
}

/** The beginning of a value and its length: enough to tell two apart. */
export function shorten(value: string): string {
  return value.length <= 12 ? value : `${value.slice(0, 6)}…(${value.length} characters)`
}

/** A key pair id for the eye. What is longer than any id is something else in its place, perhaps the signature. */
export function showKeyId(id: string): string {
  return printable(id.length <= 64 ? id : shorten(id))
}

/** A run in one segment of a path that could be a token. Names of files are rarely that long and never secret. */
const longRunOfSegment = /[A-Za-z0-9+~_=-]{40,}/g

/** What a signed URL has behind its `?`; it stands in the path where that `?` was lost or percent-encoded. */
const signatureInPath = /(?<=(?:Signature|Policy)(?:=|%(?:25)*3D))(?:(?!%(?:25)*26)[^&?#])+/gi

/** A URL for the eye: the values of its query are shortened, and what could be a secret in its path. */
export function showUrl(url: string): string {
  const question = url.indexOf('?')
  if (question < 0) return printable(showPath(url))
  const parts = url.slice(question + 1).split('&')
  const shown = parts.map((part) => {
    const equals = part.indexOf('=')
    return equals < 0 ? shorten(part) : `${part.slice(0, equals + 1)}${shorten(part.slice(equals + 1))}`
  })
  return printable(`${showPath(url.slice(0, question))}?${shown.join('&')}`)
}

function showPath(path: string): string {
  return path.replace(signatureInPath, shorten).replace(longRunOfSegment, shorten)
}

/** Control characters made visible: a hostile file name or header must not drive the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this replaces
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
}
