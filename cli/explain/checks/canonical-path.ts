import { isCanonicalPath } from '../../../shared/http/canonical-path.ts'
import { type Check, fail, pass, unknown } from '../check.ts'

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
