import { requestedDownloadName } from '../../shared/assets/requested-download-name.ts'
import type {
  FunctionResponse,
  FunctionValue,
  FunctionValues,
  ViewerResponseEvent,
} from '../../shared/cloudfront/function-event.ts'
import { activePolicy, contentPolicy } from '../../shared/read/answer-headers.ts'
import { isActiveType, safeType } from '../../shared/read/file-type.ts'
import type { HeadersFunctionConfig } from './config.ts'

declare const __CONFIG__: HeadersFunctionConfig

/**
 * Writes the headers of every file from S3 (viewer-response). Files are what users uploaded, so they are hostile.
 *
 * It does not change the CORS headers of the response headers policy (`Access-Control-*`), nor `Content-Encoding`, which
 * describes the stored bytes and which a function may not change. It is not for pages of Edge Signer: the sandbox would stop
 * their script. Not `async`, because nginx needs its header filter done when it returns.
 */
export function handler(event: ViewerResponseEvent): FunctionResponse {
  const response = event.response
  const headers = response.headers
  const status = response.statusCode

  // A path is private unless it is known to be public: a new behaviour starts closed.
  if (event.request.uri.startsWith('/public/')) {
    headers['cache-control'] = { value: addNoTransform(joined(headers['cache-control'])) }
  } else {
    headers['cache-control'] = { value: __CONFIG__.privateCacheControl }
    delete headers.expires
    delete headers.pragma
  }
  __CONFIG__.headers.forEach((header) => {
    headers[header[0]] = { value: header[1] }
  })
  headers['content-security-policy'] = { value: contentPolicy }
  headers.vary = { value: varyOn(varyOn(joined(headers.vary), 'Origin'), 'Sec-Fetch-Dest') }
  if (status === 200 || status === 206) headers['accept-ranges'] = { value: 'bytes' }
  if (status !== 304) {
    nameDownload(event.request.querystring, headers)
    disarm(headers)
  }
  return response
}

/** The name that a download URL asks for; S3 does not see the query string, so it cannot set the header itself. */
function nameDownload(querystring: FunctionValues, headers: FunctionValues): void {
  const wanted = querystring['response-content-disposition']
  const disposition = wanted === undefined ? undefined : requestedDownloadName(wanted.value)
  if (disposition !== undefined) headers['content-disposition'] = { value: disposition }
}

/** Keeps a browser from running an active type, and from guessing an unknown one. */
function disarm(headers: FunctionValues): void {
  const type = joined(headers['content-type'])
  if (type !== undefined && isActiveType(type)) {
    headers['content-disposition'] = { value: attachment(joined(headers['content-disposition'])) }
    headers['content-security-policy'] = { value: activePolicy }
  } else {
    headers['content-type'] = { value: safeType(type) }
  }
}

/** RFC 9111 section 5.2.2.6: nothing on the way may change the bytes, which ranges and hashes depend on. */
function addNoTransform(cacheControl: string | undefined): string {
  if (!cacheControl) return 'no-transform'
  return /(?:^|[\s,])no-transform(?:[\s,]|$)/i.test(cacheControl) ? cacheControl : `${cacheControl}, no-transform`
}

/**
 * Adds a request header to `Vary` (RFC 9110 section 12.5.5). CORS headers depend on `Origin`, so a browser must not answer a CORS
 * request with its copy from a plain read. `Sec-Fetch-Dest` keeps a browser from running a copy as a script that it had read as
 * data: the guard never sees a request that the browser answers from its cache.
 */
function varyOn(vary: string | undefined, name: string): string {
  if (!vary) return name
  const names = `,${vary.toLowerCase().replace(/\s/g, '')},`
  return names.indexOf(',*,') < 0 && names.indexOf(`,${name.toLowerCase()},`) < 0 ? `${vary}, ${name}` : vary
}

/** Returns all lines of one field as one value (RFC 9110 section 5.3). */
function joined(header: FunctionValue | undefined): string | undefined {
  if (header === undefined) return undefined
  return header.multiValue === undefined ? header.value : header.multiValue.map((line) => line.value).join(', ')
}

/** RFC 6266 section 4.1: `filename` and `filename*`, each a quoted string or a token. */
const filename = /;\s*(filename\*?\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;"]+))/gi

/**
 * `Content-Disposition` that saves the file and keeps the name it had. Everything else is dropped, as a value that a
 * browser cannot parse counts as `inline` for some.
 */
function attachment(existing: string | undefined): string {
  let value = 'attachment'
  if (existing !== undefined) {
    filename.lastIndex = 0
    for (let match = filename.exec(existing); match !== null; match = filename.exec(existing)) value += `; ${match[1]}`
  }
  return value
}
