import { type Check, fail, pass } from '../check.ts'
import { fieldLabel, fieldValue } from '../signing-fields.ts'

/** CloudFront's first question: without an id it answers `MissingKey`. */
export const keyPairId: Check = {
  name: 'key-pair-id',
  by: 'CloudFront',
  run({ fields, request }) {
    const id = fieldValue(fields, 'Key-Pair-Id')
    if (id !== undefined && id !== '') return pass('the request names a key')
    if (/(^|[&;])amp;(Key-Pair-Id|Signature|Policy)=/.test(request?.querystring ?? '')) {
      return fail(
        'url-html-escaped',
        'the URL holds &amp; where & belongs, so its parameters have other names',
        'The URL was copied out of HTML or XML source. Replace each &amp; by &.',
      )
    }
    if (hasSignature(request?.path ?? '')) {
      return fail(
        'query-mark-missing',
        'the parameters of a signature stand in the path: the ? before them is missing or percent-encoded',
        'Send the URL as it was signed: ? before its first parameter, & between them, and neither percent-encoded.',
      )
    }
    if (fields.values.size === 0) {
      return fail(
        'not-signed',
        'neither the URL nor the cookies hold any part of a signature',
        'Ask /_edge/session first, with credentials (fetch: credentials: "include"); or use a signed URL.',
      )
    }
    return fail(
      'key-pair-id-missing',
      `${fieldLabel(fields, 'Key-Pair-Id')} is missing or empty`,
      'Send every part of the signature: something on the way dropped one (a proxy, a cookie limit, a shell that took & for its own).',
    )
  },
}

function hasSignature(path: string): boolean {
  return /Signature(=|%3D)/i.test(path) && /Key-Pair-Id(=|%3D)/i.test(path)
}
