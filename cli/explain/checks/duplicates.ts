import { type Check, fail, pass } from '../check.ts'
import { fieldLabel, fieldNames } from '../signing-fields.ts'

/** Which of two values of one name CloudFront takes is not documented, so none may come twice. */
export const duplicates: Check = {
  name: 'duplicates',
  by: 'CloudFront',
  run({ fields }) {
    const twice = fieldNames.filter((name) => (fields.values.get(name)?.length ?? 0) > 1)
    if (twice.length === 0) return pass('each part of the signature came once')
    return fail(
      fields.source === 'url' ? 'duplicate-parameters' : 'duplicate-cookies',
      `${twice.map((name) => fieldLabel(fields, name)).join(', ')} came more than once, and which one counts is not documented`,
      fields.source === 'url'
        ? 'Sign the URL once, without signing parameters of its own.'
        : 'Clear the older cookies: they have another Path (nested prefixes) or another Domain (host-only beside Domain). Ask /_edge/session again.',
    )
  },
}
