import { type Check, fail, pass, unknown } from '../check.ts'

/** The policy is JSON. */
export const policyJson: Check = {
  name: 'policy-json',
  by: 'CloudFront',
  run(subject) {
    if (subject.policyJson === undefined) return unknown('the policy cannot be read')
    try {
      JSON.parse(subject.policyJson)
      return pass('the policy is JSON')
    } catch {
      const whole = subject.policyJson.trimEnd().endsWith('}')
      return fail(
        'policy-not-json',
        whole
          ? 'the policy is not JSON'
          : 'the policy is not JSON: it does not end as an object does, so its end is missing',
        'Sign the output of a JSON writer, with straight quotes and no trailing comma.',
      )
    }
  },
}
