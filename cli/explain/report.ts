import type { CloudFrontErrorCode } from '../../shared/cloudfront/errors.ts'
import { checkPolicy, readSignedRequest } from '../../shared/cloudfront/signed-request.ts'
import { verifySignature } from '../../shared/cloudfront/verify.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { unknown } from '../finding.ts'
import type { AnswerSource } from './answered-by.ts'
import type { Check, CheckedBy, CheckFinding } from './check.ts'
import { checks } from './checks/index.ts'
import type { ParsedInput } from './input.ts'
import { openBecause } from './path-kind.ts'

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

/** Outcome of a request that something other than the key group decides. */
interface Decision {
  /** Parties whose checks still count. */
  readonly counts: readonly CheckedBy[]
  /** Treatment of the other checks: not made on this path, or of open result, because the edge knew more than the input. */
  readonly others: 'not-made' | 'open'
  /** Verdict if none of the checks that count fails. */
  readonly verdict: 'granted' | 'undecided'
  /** Reason, as a sentence. */
  readonly because: string
}

/** Authors that only see requests which the key group accepted, or in `gate` mode requests that bypass it. */
const pastKeyGroup: readonly (AnswerSource['by'] | undefined)[] = [
  'session-function',
  'guard',
  'function-failure',
  'api',
  's3',
]

/** Refusals of the gate and of the guard that checks explain. Any other code explains itself. */
const explainedBy: Partial<Record<ErrorCode, readonly CheckedBy[]>> = {
  ERR_SIGNATURE: ['browser', 'CloudFront'],
  ERR_ACCESS_REVOKED: ['guard'],
  ERR_PATH_NOT_CANONICAL: ['guard'],
  ERR_PATH_RESERVED: ['guard'],
}

/**
 * Returns the decision of the path or of the response, if one of them overrides the key group.
 *
 * @param isRefused true if the key group or a check would refuse the input.
 */
function decideElsewhere({ pathKind, answeredBy, answer }: ParsedInput, isRefused: boolean): Decision | undefined {
  const by = answeredBy?.by
  // A response of the key group proves that the path is private, even if the configuration here says otherwise.
  if (pathKind !== 'private' && by !== 'key-group') {
    const answered = answeredBy !== undefined && answeredBy.outcome !== 'refused'
    const rest = answered
      ? `it was answered with status ${answer?.status}`
      : 'the response shows who refuses it: give it with --response-headers and --body'
    return {
      counts: pathKind === 'public' ? ['behaviour', 'guard', 'answer'] : ['behaviour', 'answer'],
      others: 'not-made',
      verdict: answered ? 'granted' : 'undecided',
      because: `${openBecause[pathKind]}, so no signature is needed; ${rest}.`,
    }
  }
  if (answeredBy?.outcome === 'renewed') {
    const because = 'the session function sets fresh cookies: follow the redirect with them.'
    return { counts: [], others: 'open', verdict: 'granted', because }
  }
  if (answeredBy?.outcome === 'served') {
    const because = `it was answered with status ${answer?.status}, so the edge received something other than what you gave here; in gate mode a session sent as Bearer is enough.`
    return isRefused ? { counts: ['answer'], others: 'open', verdict: 'undecided', because } : undefined
  }
  if (!pastKeyGroup.includes(by)) return undefined
  const explaining = answeredBy?.code === undefined ? undefined : explainedBy[answeredBy.code as ErrorCode]
  return {
    counts: ['answer', ...(explaining ?? [])],
    others: 'open',
    verdict: 'undecided',
    because: 'the response says who refused it.',
  }
}
