// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import crypto from 'crypto'
import { originPath, type RawTarget } from '../../local/cloudfront/njs/path.ts'
import { isSameText } from '../../shared/revocation/stamp-format.ts'

/**
 * Download links, in the format of nginx's `secure_link` module: `/assets/private/<key>?md5=…&expires=…`, where md5 is the
 * unpadded base64url of md5("{expires}{subject} {secret}").
 *
 * The subject of a file's link is its decoded path and, where there is one, the parameter that names the download, as sent:
 * `/assets/private/users/alice/a b.txt?response-content-disposition=…`. The subject of a folder's link is the parameter
 * `prefix`, which the path must begin with, text for text, and a `*`: `/assets/private/users/alice/*`. No key holds a `*` or a
 * `?`, and `expires` is digits, so no text is the subject of two links.
 *
 * A parameter in another case or percent-encoded is unknown, so the link lacks it. One that came twice refuses the link.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** Paths of downloads in nginx: `public/` is open to anybody, `private/` to links. */
export const downloadPaths = { public: '/assets/public/', private: '/assets/private/' } as const

/** A link whose form is right. Nothing in it is verified yet. */
export interface Link {
  /** The file's own path: `/users/alice/a%20b.txt`. */
  readonly path: string
  /** `null` for a public file, which needs none. */
  readonly proof: LinkProof | null
}

/** The parts of a private link that are compared. */
export interface LinkProof {
  readonly subject: string
  readonly md5: string
  /** Epoch seconds, in digits without leading zeros. */
  readonly expires: string
}

const names = ['md5', 'expires', 'prefix', 'response-content-disposition']

/** Parses a request's target; `undefined` where it is no link. */
export function parseLink(target: RawTarget): Link | undefined {
  if (startsWith(target.path, downloadPaths.public)) {
    return { path: target.path.slice('/assets'.length), proof: null }
  }
  if (!startsWith(target.path, downloadPaths.private)) return undefined
  const found = readParameters(target.querystring)
  if (found === undefined) return undefined
  const md5 = found[0]
  const expires = found[1]
  const prefix = found[2]
  const fileName = found[3]
  if (md5 === undefined || md5.length !== 22 || /[^A-Za-z0-9_-]/.test(md5)) return undefined
  if (expires === undefined || expires === '' || expires.length > 15 || /[^0-9]|^0/.test(expires)) return undefined
  const subject = prefix === undefined ? fileSubject(target.path, fileName) : folderSubject(target.path, prefix)
  if (subject === undefined) return undefined
  return {
    path: target.path.slice('/assets/private'.length),
    proof: { subject: subject, md5: md5, expires: expires },
  }
}

/** Verifies a private link. `now` in epoch seconds. */
export function verifyLink(proof: LinkProof, secret: string, now: number): 'valid' | 'invalid' | 'expired' {
  const text = `${proof.expires}${proof.subject} ${secret}`
  if (!isSameText(crypto.createHash('md5').update(text).digest('base64url'), proof.md5)) return 'invalid'
  return Number(proof.expires) < now ? 'expired' : 'valid'
}

/** The values in the order of `names`, as sent; `undefined` where one came twice. */
function readParameters(querystring: string): (string | undefined)[] | undefined {
  const found: (string | undefined)[] = [undefined, undefined, undefined, undefined]
  const parts = querystring.split('&')
  for (let i = 0; i < parts.length; i++) {
    const part = String(parts[i])
    const equals = part.indexOf('=')
    const index = names.indexOf(equals < 0 ? part : part.slice(0, equals))
    if (index < 0) continue
    if (found[index] !== undefined) return undefined
    found[index] = equals < 0 ? '' : part.slice(equals + 1)
  }
  return found
}

function fileSubject(path: string, fileName: string | undefined): string | undefined {
  let decoded: string
  try {
    // The key that the bucket reads: a link for `a+b` must not open `a b`.
    decoded = decodeURIComponent(originPath(path))
  } catch (_malformed) {
    return undefined
  }
  if (decoded.indexOf('*') >= 0 || decoded.indexOf('?') >= 0) return undefined
  return fileName === undefined ? decoded : `${decoded}?response-content-disposition=${fileName}`
}

function folderSubject(path: string, prefix: string): string | undefined {
  const isFolder = startsWith(prefix, downloadPaths.private) && prefix.slice(-1) === '/' && prefix.indexOf('*') < 0
  return isFolder && startsWith(path, prefix) ? `${prefix}*` : undefined
}

function startsWith(text: string, start: string): boolean {
  return text.slice(0, start.length) === start
}
