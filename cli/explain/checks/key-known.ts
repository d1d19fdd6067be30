import { showKeyId } from '../../redact.ts'
import { type Check, fail, pass, unknown } from '../check.ts'
import { fieldValue } from '../signing-fields.ts'

/** The key group holds a public key with this id; else CloudFront answers `InvalidKey`. */
export const keyKnown: Check = {
  name: 'key-known',
  by: 'CloudFront',
  run({ fields, publicKeys }) {
    const id = fieldValue(fields, 'Key-Pair-Id')
    if (id === undefined || id === '') return unknown('the request names no key')
    if (publicKeys === undefined) return unknown('give the keys of the key group with --keys or --local')
    if (publicKeys.has(id)) return pass(`${showKeyId(id)} is one of the keys given`)
    return fail(
      'key-unknown',
      `${showKeyId(id)} is not among the keys given: ${[...publicKeys.keys()].join(', ') || 'none'}`,
      'Sign with a key whose public key is in the key group of this behaviour; an id is that of the public key (K…), not of the group. A new key takes a few minutes to reach every edge location.',
    )
  },
}
