import { toCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { describeBadBase64 } from '../bad-base64.ts'
import { type Check, type Finding, fail, pass, unknown } from '../check.ts'
import { fieldLabel, fieldValue, type SigningFields } from '../signing-fields.ts'

/** The policy is there, and is CloudFront's base64 of UTF-8. */
export const policyEncoding: Check = {
  name: 'policy-encoding',
  by: 'CloudFront',
  run({ fields, policyJson, request }) {
    const policy = fieldValue(fields, 'Policy')
    const expires = fieldValue(fields, 'Expires')
    if (policy !== undefined && expires !== undefined) {
      return fail(
        'policy-and-expires',
        'the request has both Policy and Expires; which one counts is not documented',
        'Send Policy for a custom policy, or Expires for a canned one.',
      )
    }
    if (policy === undefined) return checkExpires(fields, expires, request === undefined)
    if (policyJson === undefined) {
      const bad = describeBadBase64(policy)
      return fail(`policy-${bad.fault}`, `${fieldLabel(fields, 'Policy')} ${bad.detail}`, bad.remedy)
    }
    if (toCloudFrontBase64(policyJson) === policy) return pass('the policy is well encoded')
    return fail(
      'policy-not-utf8',
      `${fieldLabel(fields, 'Policy')} decodes to bytes that are not UTF-8`,
      'Sign the JSON as UTF-8 text, and encode those same bytes.',
    )
  },
}

function checkExpires(fields: SigningFields, expires: string | undefined, urlMissing: boolean): Finding {
  if (expires === undefined) {
    return fields.values.size === 0
      ? unknown('there is no signature')
      : fail(
          'policy-missing',
          `${fieldLabel(fields, 'Policy')} is missing`,
          'Send every part of the signature: Policy, Signature, Key-Pair-Id, and Hash-Algorithm with SHA-256.',
        )
  }
  if (!/^[1-9][0-9]{0,14}$/.test(expires)) {
    return fail('expires-malformed', `${fieldLabel(fields, 'Expires')} is no whole number`, 'Expires is epoch seconds.')
  }
  return urlMissing ? unknown('a canned policy is rebuilt from the URL, which was not given') : pass('a canned policy')
}
