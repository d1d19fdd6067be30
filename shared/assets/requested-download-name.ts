/**
 * The download name that a CDN URL asks for. S3 never sees the query string of a signed URL, so the viewer-response
 * function sets the header from it.
 *
 * This file also runs in CloudFront Functions: no classes, destructuring, default parameters or imports.
 */

/**
 * Exactly what `attachmentNamed` writes: a link that somebody else made can name a file, never turn it into a page. The plain
 * name is optional, because links without it may still be in use.
 */
const attachment =
  /^attachment; (?:filename="[\w !#$&'()+,.;=@[\]^`{}~-]*"; )?filename\*=UTF-8''(?:[A-Za-z0-9._~-]|%[0-9A-F][0-9A-F])+$/

/**
 * Reads the value of `response-content-disposition` as CloudFront hands it over, still percent-encoded.
 *
 * @returns the `Content-Disposition` to set, or `undefined` if the value is not in the API's form.
 */
export function requestedDownloadName(value: string): string | undefined {
  if (value.length > 2400) return undefined
  let text: string
  try {
    text = decodeURIComponent(value.replace(/\+/g, ' '))
  } catch (_malformed) {
    return undefined
  }
  // `$` matches before a final line feed in PCRE, which some runtimes of CloudFront Functions are built on.
  return attachment.test(text) && text.indexOf('\n') < 0 ? text : undefined
}
