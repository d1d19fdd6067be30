import { fromCloudFrontBase64, toCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { type Fault, fault, pass, unknown } from '../../finding.ts'
import type { Check, CheckFinding } from '../check.ts'
import type { ParsedInput } from '../input.ts'
import { type FieldName, fieldLabel, fieldValue, misspeltFields, type SigningFields } from '../signing-fields.ts'

/** The policy is present, and is UTF-8 in CloudFront's base64. */
export const policyEncoding: Check = {
  name: 'policy-encoding',
  by: 'CloudFront',
  run(input) {
    const { fields, policyJson, request } = input
    const policy = fieldValue(fields, 'Policy')
    const expires = fieldValue(fields, 'Expires')
    if (policy !== undefined && expires !== undefined) {
      return fault(
        'policy-and-expires',
        'the request has both Policy and Expires; which one counts is not documented',
        'Send Policy for a custom policy, or Expires for a canned one.',
      )
    }
    const misspelt = policy ?? expires ?? misspeltFault(input, 'Policy') ?? misspeltFault(input, 'Expires')
    if (typeof misspelt === 'object') return misspelt
    if (policy === undefined) return checkExpires(fields, expires, request === undefined)
    if (policyJson === undefined) {
      const bad = describeBadBase64(policy)
      return fault(`policy-${bad.fault}`, `${fieldLabel(fields, 'Policy')} ${bad.detail}`, bad.remedy)
    }
    if (toCloudFrontBase64(policyJson) === policy) return pass('the policy is well encoded')
    return fault(
      'policy-not-utf8',
      `${fieldLabel(fields, 'Policy')} decodes to bytes that are not UTF-8`,
      'Sign the JSON as UTF-8 text, and encode those same bytes.',
    )
  },
}

/** The fault of a part that came under another spelling of its name, if it did. */
export function misspeltFault({ request, sentCookies }: ParsedInput, field: FieldName): Fault | undefined {
  if (!misspeltFields(request?.querystring ?? '', sentCookies).includes(field)) return undefined
  return fault(
    'name-misspelt',
    `${field} came under its name in another spelling or case, and names are case-sensitive`,
    'Write CloudFront-Policy, CloudFront-Signature and CloudFront-Key-Pair-Id; in a URL without CloudFront-.',
  )
}

function checkExpires(fields: SigningFields, expires: string | undefined, urlMissing: boolean): CheckFinding {
  if (expires === undefined) {
    return fields.values.size === 0
      ? unknown('there is no signature')
      : fault(
          'policy-missing',
          `${fieldLabel(fields, 'Policy')} is missing`,
          'Send every part of the signature: Policy, Signature, Key-Pair-Id, and Hash-Algorithm with SHA-256.',
        )
  }
  if (!/^[1-9][0-9]{0,14}$/.test(expires)) {
    return fault(
      'expires-malformed',
      `${fieldLabel(fields, 'Expires')} is not a whole number`,
      'Write Expires in epoch seconds.',
    )
  }
  return urlMissing ? unknown('a canned policy is rebuilt from the URL, which was not given') : pass('a canned policy')
}

/** The policy is JSON. */
export const policyJson: Check = {
  name: 'policy-json',
  by: 'CloudFront',
  run(input) {
    if (input.policyJson === undefined) return unknown('the policy cannot be read')
    try {
      JSON.parse(input.policyJson)
      return pass('the policy is JSON')
    } catch {
      const isComplete = input.policyJson.trimEnd().endsWith('}')
      return fault(
        'policy-not-json',
        isComplete ? 'the policy is not JSON' : 'the policy is not JSON: its end is missing, as it has no closing }',
        'Sign the output of a JSON writer, with straight quotes and no trailing comma.',
      )
    }
  },
}

/** Bytes of an RSA-2048 signature. */
const rsaSize = 256
/** Bytes of a P-256 signature as r‖s (IEEE P1363), the format of Web Crypto, of Java's P1363 mode and of JWTs. */
const rawSize = 64

/** The signature is present, in CloudFront's base64, and has the format of a kind that CloudFront verifies. */
export const signatureEncoding: Check = {
  name: 'signature-encoding',
  by: 'CloudFront',
  run(input) {
    const { fields } = input
    const value = fieldValue(fields, 'Signature')
    if (fields.values.size === 0) return unknown('there is no signature')
    if (value === undefined) {
      return (
        misspeltFault(input, 'Signature') ??
        fault('signature-missing', `${fieldLabel(fields, 'Signature')} is missing`, 'Send every part of the signature.')
      )
    }
    const bytes = fromCloudFrontBase64(value)
    if (bytes === undefined) {
      const bad = describeBadBase64(value)
      return fault(`signature-${bad.fault}`, `${fieldLabel(fields, 'Signature')} ${bad.detail}`, bad.remedy)
    }
    if (bytes.length === rawSize) {
      return fault(
        'signature-raw',
        'the signature has 64 bytes: r and s side by side, as Web Crypto and JWT libraries write them',
        'Encode it as DER: SEQUENCE { INTEGER r, INTEGER s }. Node: crypto.sign with dsaEncoding "der", its default.',
      )
    }
    if (bytes.length === rsaSize || isDer(bytes)) return pass('the signature is well encoded')
    return fault(
      'signature-shape',
      `the signature has ${bytes.length} bytes and is neither RSA-2048 (256 bytes) nor ECDSA P-256 in DER`,
      'It was truncated, encoded twice, written in hexadecimal, or made with another kind of key.',
    )
  },
}

/** A SEQUENCE of two INTEGERs of at most 33 bytes that fills the value exactly (ITU-T X.690 section 8). */
function isDer(bytes: Buffer): boolean {
  const r = bytes[3] ?? 0
  const s = bytes[5 + r] ?? 0
  return (
    bytes[0] === 0x30 &&
    bytes[1] === bytes.length - 2 &&
    bytes[2] === 2 &&
    bytes[4 + r] === 2 &&
    6 + r + s === bytes.length
  )
}

interface BadBase64 {
  readonly fault: string
  /** Continues a sentence that begins with the value's name. */
  readonly detail: string
  readonly remedy: string
}

/** Distinguishes the usual mistakes in CloudFront's base64, because each has another cause. Never repeats the value. */
function describeBadBase64(value: string): BadBase64 {
  const bad = (fault: string, detail: string, remedy: string): BadBase64 => ({ fault, detail, remedy })
  if (value === '') return bad('empty', 'is empty', 'Send the whole signature.')
  if (/%[0-9A-Fa-f]{2}/.test(value)) {
    return bad(
      'percent-encoded',
      'is percent-encoded',
      "Send it unchanged: CloudFront's base64 needs no escaping, and cookies are not decoded. In a URL it was escaped twice.",
    )
  }
  if (/^"[^"]*"$/.test(value)) return bad('quoted', 'is in quotes', 'Set the cookie without quotes.')
  if (/[+/=]/.test(value) || / /.test(value)) {
    return bad(
      'plain-base64',
      "is plain base64 (it contains + / = or a space), not CloudFront's",
      'Replace + by -, = by _ and / by ~ after encoding. A space was a + before a form decoder read it.',
    )
  }
  if (/^[A-Za-z0-9_-]+$/.test(value) && /_(?!_?$)/.test(value)) {
    return bad(
      'base64url',
      "is base64url, not CloudFront's base64",
      'Encode as plain base64, then replace + by -, = by _ and / by ~. In that alphabet the underscore is the padding.',
    )
  }
  if (!/^[A-Za-z0-9~_-]+$/.test(value)) {
    return bad(
      'not-base64',
      'contains characters that no base64 has',
      "Send CloudFront's base64, which consists of A-Z a-z 0-9 - _ ~ only.",
    )
  }
  if (value.length % 4 !== 0) {
    return bad(
      'truncated',
      `has ${value.length} characters, which is not a multiple of 4: it is truncated or its padding is missing`,
      'Keep the padding (_ instead of =), and look for a limit that truncates long cookies or URLs.',
    )
  }
  return bad('not-base64', 'is not base64 as an encoder writes it', "Encode the bytes again, in CloudFront's base64.")
}
