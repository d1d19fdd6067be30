import type { CloudFrontErrorCode } from '../../shared/cloudfront/errors.ts'
import { checkPolicy, readSignedRequest } from '../../shared/cloudfront/signed-request.ts'
import { verifySignature } from '../../shared/cloudfront/verify.ts'
import { unknown } from '../finding.ts'
import type { Check, CheckedBy, CheckFinding } from './check.ts'
import { checks } from './checks/index.ts'
import { type Decision, decideElsewhere } from './decision.ts'
import type { ParsedInput } from './input.ts'

export type CheckResult = { readonly check: string; readonly by: CheckedBy } & CheckFinding

/** Result of `explain`. */
export interface Report {
  /** `undecided`: no check failed, but the signature, the URL or the address could not be checked. */
  readonly verdict: 'granted' | 'refused' | 'undecided'
  readonly results: readonly CheckResult[]
  /** The first failed check: the reason for the refusal. */
  readonly firstFailure: Extract<CheckResult, { status: 'fail' }> | undefined
  /** Result of the key group alone. */
  readonly keyGroup: EdgeVerdict
  /** Reason why something other than the key group decides; `undefined` if the key group does. */
  readonly because: string | undefined
}

/**
 * Runs every check. The verdict is `granted` only if the key group verified the request and no check failed, or if the response
 * proves access: it was served on a path without signatures, or the session function renewed the cookies.
 */
export function explain(input: ParsedInput): Report {
  const keyGroup = edgeVerdict(input)
  const made = checks.map((check) => runCheck(check, input))
  const isRefused = !isOpen(keyGroup) || made.some(({ status }) => status === 'fail')
  const decision = decideElsewhere(input, isRefused)
  const results = decision === undefined ? withUnexplained(made, keyGroup) : weigh(made, decision)
  const firstFailure = results.find((result) => result.status === 'fail')
  // A response that is no proof of access leaves the verdict open, whatever the checks say.
  const isContradicted = input.answer !== undefined && input.answeredBy?.outcome !== 'served'
  const verdict = decision?.verdict ?? (keyGroup === 'valid' && !isContradicted ? 'granted' : 'undecided')
  return {
    verdict: firstFailure === undefined ? verdict : 'refused',
    results,
    firstFailure,
    keyGroup,
    because: decision?.because,
  }
}

/** Result of the key group: accepted, refused with a code, or not decidable from the input. */
export type EdgeVerdict = 'valid' | CloudFrontErrorCode | 'undecided'

/**
 * Judges the request with the functions that the emulation runs. The checks explain the verdict but do not make it, so that a
 * fault that no check knows is still a refusal.
 */
export function edgeVerdict(input: ParsedInput): EdgeVerdict {
  const { request, sentCookies, publicKeys, now, clientIp } = input
  const source = {
    url: request?.signedUrl ?? 'https://unknown.invalid/',
    querystring: request?.querystring ?? '',
    cookieHeader: sentCookies,
  }
  const signed = readSignedRequest(source, 'refuse')
  if ('refusal' in signed) return signed.refusal
  const verdict = publicKeys === undefined ? 'valid' : verifySignature(signed, publicKeys)
  if (verdict !== 'valid') return verdict
  // Conditions that the input cannot answer are dropped here, and make the verdict undecided below.
  const policy = {
    ...signed.policy,
    ...(request === undefined ? { resource: '*' } : {}),
    ...(clientIp === undefined ? { ipAddress: undefined } : {}),
  }
  if (checkPolicy(policy, { url: signed.url, now, clientIp: clientIp ?? '' }) !== undefined) return 'AccessDenied'
  const isUndecided =
    publicKeys === undefined ||
    request === undefined ||
    (clientIp === undefined && signed.policy.ipAddress !== undefined)
  return isUndecided ? 'undecided' : 'valid'
}

/** Returns true unless the key group refuses the request. */
function isOpen(keyGroup: EdgeVerdict): boolean {
  return keyGroup === 'valid' || keyGroup === 'undecided'
}

/** Reports a failure that does not decide the outcome as `unknown`, or omits the check if it is not made on this path. */
function weigh(results: readonly CheckResult[], { counts, others }: Decision): readonly CheckResult[] {
  if (others === 'not-made') return results.filter(({ by }) => counts.includes(by))
  return results.map((result) => {
    const { check, by, status, detail } = result
    return status !== 'fail' || counts.includes(by) ? result : { check, by, ...unknown(detail) }
  })
}

function runCheck(check: Check, input: ParsedInput): CheckResult {
  return { check: check.name, by: check.by, ...check.run(input) }
}

/** Adds a failed check if the key group refuses but no check found why: the report must not read as access. */
function withUnexplained(results: readonly CheckResult[], keyGroup: EdgeVerdict): readonly CheckResult[] {
  if (
    isOpen(keyGroup) ||
    results.some(({ status, by }) => status === 'fail' && (by === 'CloudFront' || by === 'browser'))
  ) {
    return results
  }
  return [
    ...results,
    {
      check: 'key-group',
      by: 'CloudFront',
      status: 'fail',
      fault: 'unexplained',
      detail: `the key group would return ${keyGroup}, and none of the checks above says why`,
      remedy: 'Sign again with edge-signer sign-url or sign-cookies, and compare.',
    },
  ]
}
