import { requestedDownloadName } from '../../shared/assets/requested-download-name.ts'
import type {
  FunctionResponse,
  FunctionValue,
  FunctionValues,
  ViewerResponseEvent,
} from '../../shared/cloudfront/function-event.ts'
import type { HeadersFunctionConfig } from './config.ts'
import { attachment } from './content-disposition.ts'
import { isActiveType, isKnownType } from './content-type.ts'

declare const __CONFIG__: HeadersFunctionConfig

/**
 * Writes the headers of every file from S3 (viewer-response). Files are what users uploaded, so they are hostile.
 *
 * It leaves alone what the response headers policy wrote for CORS (`Access-Control-*`), and `Content-Encoding`,
 * which describes the bytes as they are stored and which a function may not change. It is not for pages of our own:
 * the sandbox stops their script. Not `async`, because nginx needs its header filter done when it returns.
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
  headers['x-content-type-options'] = { value: 'nosniff' }
  headers['cross-origin-resource-policy'] = { value: __CONFIG__.corp }
  headers['content-security-policy'] = { value: 'sandbox' }
  headers.vary = { value: addOrigin(joined(headers.vary)) }
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

/** Keeps a browser from showing, running or guessing what it should only read. */
function disarm(headers: FunctionValues): void {
  const type = joined(headers['content-type'])
  if (type !== undefined && isActiveType(type)) {
    headers['content-disposition'] = { value: attachment(joined(headers['content-disposition'])) }
  } else if (type === undefined || !isKnownType(type)) {
    // Without a type browsers guess, and `nosniff` stops that only for scripts and styles.
    headers['content-type'] = { value: 'application/octet-stream' }
  }
}

/** RFC 9111 section 5.2.2.6: nothing on the way may change the bytes, which ranges and hashes depend on. */
function addNoTransform(cacheControl: string | undefined): string {
  if (!cacheControl) return 'no-transform'
  return /(?:^|[\s,])no-transform(?:[\s,]|$)/i.test(cacheControl) ? cacheControl : `${cacheControl}, no-transform`
}

/**
 * RFC 9110 section 12.5.5: CORS headers depend on `Origin`, so a copy that a browser got for a plain read must not answer a
 * CORS one. CloudFront may name it only where the request had an `Origin`.
 */
function addOrigin(vary: string | undefined): string {
  if (!vary) return 'Origin'
  return /(?:^|[\s,])(?:\*|origin)(?:[\s,]|$)/i.test(vary) ? vary : `${vary}, Origin`
}

/** All lines of one field as one value (RFC 9110 section 5.3). */
function joined(header: FunctionValue | undefined): string | undefined {
  if (header === undefined) return undefined
  return header.multiValue === undefined ? header.value : header.multiValue.map((line) => line.value).join(', ')
}
