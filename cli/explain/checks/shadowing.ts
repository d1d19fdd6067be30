import { type Check, fail, pass } from '../check.ts'
import { fieldNames } from '../signing-fields.ts'

/**
 * One signing parameter makes the URL a signed one, and CloudFront then ignores every cookie. An app that has a parameter of
 * its own named `Expires` or `Policy` so switches its users' cookies off.
 */
export const shadowing: Check = {
  name: 'shadowing',
  by: 'CloudFront',
  run({ fields }) {
    if (fields.source === 'cookies') return pass('no parameter of the URL is named like one of a signature')
    const present = fieldNames.filter((name) => fields.values.has(name))
    const complete =
      fields.values.has('Key-Pair-Id') &&
      fields.values.has('Signature') &&
      (fields.values.has('Policy') || fields.values.has('Expires'))
    if (fields.cookieNames.length === 0) return pass(`a signed URL, with ${present.join(', ')}`)
    if (complete) return pass('a signed URL; the cookies beside it count for nothing')
    return fail(
      'cookies-shadowed',
      `the URL has ${present.join(', ')}, so CloudFront takes it for a signed URL and ignores the cookies`,
      'Rename the parameter of your app, or give the URL a whole signature.',
    )
  },
}
