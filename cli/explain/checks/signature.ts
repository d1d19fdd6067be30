import { fromCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { type Fault, fault, pass, unknown } from '../../finding.ts'
import { showKeyId, showUrl } from '../../redact.ts'
import type { Check } from '../check.ts'
import { isPssSignature, otherHash, signedTextVariants, verifiesWith } from '../signature-variants.ts'
import { fieldLabel, fieldNames, fieldValue } from '../signing-fields.ts'
import { misspeltFault } from './encoding.ts'

/**
 * A single signing parameter makes a URL a signed one, and CloudFront then ignores every cookie. An app that has a parameter
 * named `Expires` or `Policy` thereby disables the cookies of its users.
 */
export const shadowing: Check = {
  name: 'shadowing',
  by: 'CloudFront',
  run({ fields }) {
    if (fields.source === 'cookies') return pass('no URL parameter has the name of a signing parameter')
    const present = fieldNames.filter((name) => fields.values.has(name))
    const complete =
      fields.values.has('Key-Pair-Id') &&
      fields.values.has('Signature') &&
      (fields.values.has('Policy') || fields.values.has('Expires'))
    if (fields.cookieNames.length === 0) return pass(`a signed URL, with ${present.join(', ')}`)
    if (complete) return pass('a signed URL; CloudFront ignores the cookies')
    return fault(
      'cookies-shadowed',
      `the URL has ${present.join(', ')}, so CloudFront treats it as a signed URL and ignores the cookies`,
      'Rename the parameter of your app, or give the URL a whole signature.',
    )
  },
}

/** AWS does not document which of two values of one name CloudFront uses, so no name may be present twice. */
export const duplicates: Check = {
  name: 'duplicates',
  by: 'CloudFront',
  run({ fields }) {
    const twice = fieldNames.filter((name) => (fields.values.get(name)?.length ?? 0) > 1)
    if (twice.length === 0) return pass('each part of the signature is present once')
    return fault(
      fields.source === 'url' ? 'duplicate-parameters' : 'duplicate-cookies',
      `${twice.map((name) => fieldLabel(fields, name)).join(', ')} is present more than once, and which one counts is not documented`,
      fields.source === 'url'
        ? 'Sign the URL once, and remove its own parameters with these names first.'
        : 'Clear the older cookies: they have another Path (nested prefixes) or another Domain (host-only beside Domain). Request /_edge/session again.',
    )
  },
}

/** The first check of CloudFront: without an id it returns `MissingKey`. */
export const keyPairId: Check = {
  name: 'key-pair-id',
  by: 'CloudFront',
  run(input) {
    const { fields, request } = input
    const id = fieldValue(fields, 'Key-Pair-Id')
    if (id !== undefined && id !== '') return pass('the request names a key')
    if (/(^|[&;])amp;(Key-Pair-Id|Signature|Policy)=/.test(request?.querystring ?? '')) {
      return fault(
        'url-html-escaped',
        'the URL contains &amp; instead of &, so its parameters have other names',
        'The URL was copied from HTML or XML source. Replace each &amp; by &.',
      )
    }
    if (hasSignature(request?.path ?? '')) {
      return fault(
        'query-mark-missing',
        'the parameters of a signature are in the path: the ? before them is missing or percent-encoded',
        'Send the URL as it was signed: ? before its first parameter, & between them, and neither percent-encoded.',
      )
    }
    const misspelt = misspeltFault(input, 'Key-Pair-Id')
    if (misspelt !== undefined) return misspelt
    if (fields.values.size === 0) {
      return fault(
        'not-signed',
        'neither the URL nor the cookies contain any part of a signature',
        'Request /_edge/session first, with credentials (fetch: credentials: "include"); or use a signed URL.',
      )
    }
    return fault(
      'key-pair-id-missing',
      `${fieldLabel(fields, 'Key-Pair-Id')} is missing or empty`,
      'Send every part of the signature: one was dropped on the way (by a proxy, a cookie limit, or a shell that interpreted the &).',
    )
  },
}

function hasSignature(path: string): boolean {
  return /Signature(=|%3D)/i.test(path) && /Key-Pair-Id(=|%3D)/i.test(path)
}

/** The key group contains a public key with this id; otherwise CloudFront returns `InvalidKey`. */
export const keyKnown: Check = {
  name: 'key-known',
  by: 'CloudFront',
  run({ fields, publicKeys }) {
    const id = fieldValue(fields, 'Key-Pair-Id')
    if (id === undefined || id === '') return unknown('the request names no key')
    if (publicKeys?.has(id)) return pass(`${showKeyId(id)} is one of the keys given`)
    const misplaced = misplacedId(id)
    if (misplaced !== undefined) return misplaced
    if (publicKeys === undefined) return unknown('give the keys of the key group with --keys or --local')
    return fault(
      'key-unknown',
      `${showKeyId(id)} is not among the keys given: ${[...publicKeys.keys()].join(', ') || 'none'}`,
      'Sign with a key whose public key is in the key group of this behaviour. The id must be that of the public key (K…), not of the group. A new key needs a few minutes to reach every edge location.',
    )
  },
}

/** Other ids that people write as the key pair id, each by its form alone. */
function misplacedId(id: string): Fault | undefined {
  if (/\s|%0[AD]|%20/i.test(id)) {
    return fault(
      'key-pair-id-white-space',
      'the key pair id has a blank or a line break',
      'Trim the id where it is read: a file and the output of echo end in a line break.',
    )
  }
  if (/^APKA/.test(id)) {
    return fault(
      'key-of-account',
      'the id begins with APKA, as those of the key pairs of an AWS account do',
      'Sign with a key of the key group, whose public key has an id that begins with K.',
    )
  }
  if (/^A[KS]IA/.test(id)) {
    return fault(
      'key-is-access-key',
      'the id is that of an access key, which signs requests to AWS',
      'Sign with a key of the key group, whose public key has an id that begins with K.',
    )
  }
  if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) {
    return fault(
      'key-is-key-group',
      'the id has the form of the id of a key group',
      'Write the id of the public key, which begins with K.',
    )
  }
  return undefined
}

/** The marker of SHA-256. Without it CloudFront verifies with SHA-1, and an elliptic-curve key only works with SHA-256. */
export const hashAlgorithm: Check = {
  name: 'hash-algorithm',
  by: 'CloudFront',
  run(input) {
    const { fields, publicKeys } = input
    const marker = fieldValue(fields, 'Hash-Algorithm')
    if (fields.values.size === 0) return unknown('there is no signature')
    if (marker !== undefined && marker !== 'SHA1' && marker !== 'SHA256') {
      return fault(
        'hash-marker-unknown',
        `${fieldLabel(fields, 'Hash-Algorithm')} is neither SHA256 nor SHA1`,
        'Write SHA256, in upper case and without a hyphen; leave it out for SHA-1.',
      )
    }
    const says = marker ?? 'SHA1'
    const key = publicKeys?.get(fieldValue(fields, 'Key-Pair-Id') ?? '')
    const other = says === 'SHA1' ? 'SHA256' : 'SHA1'
    const isRightUnderOther = verifiesWith(input, { hashAlgorithm: other })
    const misspelt = marker === undefined ? misspeltFault(input, 'Hash-Algorithm') : undefined
    if (misspelt !== undefined) return misspelt
    if (says === 'SHA1' && (isRightUnderOther || key?.asymmetricKeyType === 'ec')) {
      return fault(
        'hash-marker-missing',
        `${fieldLabel(fields, 'Hash-Algorithm')} ${marker === undefined ? 'is missing' : 'says SHA1'}, and ${isRightUnderOther ? 'the signature was made with SHA-256' : 'the key is an elliptic-curve key, which CloudFront accepts with SHA-256 only'}`,
        'Sign with SHA-256, and send Hash-Algorithm=SHA256 (cookie: CloudFront-Hash-Algorithm=SHA256) beside the signature.',
      )
    }
    if (isRightUnderOther) {
      return fault(
        'hash-marker-wrong',
        'the marker says SHA256, and the signature was made with SHA-1',
        'Leave Hash-Algorithm out, or sign with SHA-256. The marker may be an old CloudFront-Hash-Algorithm cookie.',
      )
    }
    return pass(`to be verified with ${says}${marker === undefined ? ', the default without a marker' : ''}`)
  },
}

/** The named key verifies the signature over the bytes of the policy. If not, the usual mistakes are tried. */
export const signature: Check = {
  name: 'signature',
  by: 'CloudFront',
  run(input) {
    const { fields, policyJson, publicKeys, coveredUrl } = input
    const id = fieldValue(fields, 'Key-Pair-Id') ?? ''
    const bytes = fromCloudFrontBase64(fieldValue(fields, 'Signature') ?? '')
    if (policyJson === undefined || bytes === undefined) return unknown('policy or signature cannot be read')
    if (publicKeys === undefined) return unknown('give the keys of the key group with --keys or --local')
    const key = publicKeys.get(id)
    if (key !== undefined && verifiesWith(input, {})) return pass('this key made the signature over this policy')

    for (const hashAlgorithm of ['SHA256', 'SHA1'] as const) {
      for (const other of publicKeys.keys()) {
        if (other !== id && verifiesWith(input, { keyPairId: other, hashAlgorithm })) {
          return fault(
            'signed-with-other-key',
            `the signature was made with the key ${other}, and the request names ${showKeyId(id)}`,
            'Keep id and private key together: the key document holds both in one entry.',
          )
        }
      }
    }
    if (key === undefined) return unknown('the key is not known')
    for (const variant of signedTextVariants(input)) {
      if (verifiesWith(input, { policyJson: variant.text })) return fault(variant.fault, variant.detail, variant.remedy)
    }
    if (verifiesWith(input, { hashAlgorithm: 'SHA256' }) || verifiesWith(input, { hashAlgorithm: 'SHA1' })) {
      return unknown('the signature is valid with the other hash')
    }
    const hash = otherHash(input)
    if (hash !== undefined) {
      return fault(
        'signed-with-other-hash',
        `this key made the signature over this policy, but with ${hash}`,
        'Sign with SHA-256, and send Hash-Algorithm=SHA256 beside the signature. The only other hash that CloudFront accepts is SHA-1, with RSA.',
      )
    }
    if (isPssSignature(input)) {
      return fault(
        'signed-with-pss',
        'this key made the signature over this policy, but with RSA-PSS',
        'Sign with RSASSA-PKCS1-v1_5 (Python: padding.PKCS1v15; Web Crypto: RSASSA-PKCS1-v1_5).',
      )
    }
    const isRsa = key.asymmetricKeyType === 'rsa'
    if (isRsa !== (bytes.length === 256)) {
      return fault(
        'signature-of-other-kind',
        `${showKeyId(id)} is ${isRsa ? 'an RSA' : 'an elliptic-curve'} key, and the signature is of the other kind`,
        'Sign with the private key that belongs to this id.',
      )
    }
    if (fieldValue(fields, 'Policy') === undefined) {
      return fault(
        'signature-wrong',
        `this key did not make the signature over the canned policy that CloudFront rebuilds from the request, for ${showUrl(coveredUrl ?? '')}`,
        'Sign exactly this URL and this Expires, with the host name that viewers request: an origin or another domain name is another URL. Otherwise another private key signed: compare its public key with the one in the key group.',
      )
    }
    return fault(
      'signature-wrong',
      'this key did not make the signature over this policy',
      'Either another private key signed (compare its public key with the one in the key group), or the policy or the URL was changed after signing.',
    )
  },
}
