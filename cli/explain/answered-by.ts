import { type CloudFrontErrorCode, cloudFrontErrorMessages } from '../../shared/cloudfront/errors.ts'
import { type ErrorCode, problems } from '../../shared/errors.ts'
import type { HttpAnswer } from '../input/http-answer.ts'
import { printable } from '../print.ts'
import {
  cloudFrontPage,
  errorPageWith200,
  functionError,
  gatewayRefusal,
  type KnownAnswer,
  misdirected,
  s3Refusal,
  s3Website,
  wafChallenge,
} from './known-answers.ts'
import type { PathKind } from './path-kind.ts'

/** The author of a response, with what that means for finding the cause. */
export interface AnswerSource {
  readonly by:
    | 'key-group'
    | 'error-page'
    | 'guard'
    | 'session-function'
    | 'not-found-function'
    | 'api'
    | 'function-failure'
    | 'cloudfront'
    | 's3'
    | 'origin'
  /** Code of CloudFront, of S3, or of shared/errors.ts. */
  readonly code: string | undefined
  /** `renewed`: 307 with fresh cookies instead of the file. */
  readonly outcome: 'served' | 'renewed' | 'redirected' | 'refused'
  /** Finer than `by`, where the cause is known: `geo-restriction`. */
  readonly cause?: string
  readonly detail: string
  readonly remedy: string
}

type Author = Omit<AnswerSource, 'outcome'>

function author(by: AnswerSource['by'], code: string | undefined, detail: string, remedy: string): Author {
  return { by, code, detail, remedy }
}

/**
 * Recognises the author of a response by its headers and body, and by the kind of the requested path. Returns `undefined` if
 * nothing in the response identifies the author.
 */
export function answeredBy(answer: HttpAnswer | undefined, path: PathKind): AnswerSource | undefined {
  if (answer === undefined) return undefined
  const recognised = recognise(answer, path)
  const source = recognised && { ...recognised, outcome: outcomeOf(answer, path, recognised) }
  const reason = answer.headers.get('x-edge-signer-reason')
  if (source === undefined || reason === undefined) return source
  return { ...source, detail: `${source.detail}; the emulation says: ${printable(reason).slice(0, 80)}` }
}

/** A body without a status counts as a refusal, because a refusal is the usual reason to run `explain`. */
function outcomeOf(answer: HttpAnswer, path: PathKind, { by }: Author): AnswerSource['outcome'] {
  if (isServed(answer)) return 'served'
  // S3 redirects to the Region of the bucket; CloudFront does not follow.
  if (!isRedirect(answer) || by === 's3') return 'refused'
  if (isRenewal(answer)) return 'renewed'
  // The session function answers a mint and a sign-out with 303; with 302 it sends to the login page.
  const isLogin = path === 'session' && answer.status === 302
  return isLogin || (path === 'private' && by === 'session-function') ? 'refused' : 'redirected'
}

/** In `gate` mode the session function redirects a session without cookies to the same address, and sets fresh ones. */
function isRenewal({ status, setCookie }: HttpAnswer): boolean {
  return status === 307 && setCookie.some((line) => /^CloudFront-Signature=[^;]/.test(line))
}

/** An error page may have status 200 (`ResponseCode` of a custom error response), and a challenge of WAF has 202. */
function isServed({ status = 0, headers }: HttpAnswer): boolean {
  if (/^Error from/i.test(headers.get('x-cache') ?? '') || headers.has('x-amzn-waf-action')) return false
  return (status >= 200 && status < 300) || status === 304
}

function isRedirect({ status = 0 }: HttpAnswer): boolean {
  return status >= 300 && status < 400 && status !== 304
}

/** Remedy if only the body names the cause. */
const readBody = 'The body of the response says why.'

function recognise(answer: HttpAnswer, path: PathKind): Author | undefined {
  const { headers, status } = answer
  // The content of a served file may look like an error of any author.
  const body = isServed(answer) ? '' : (answer.body ?? '')
  const cache = headers.get('x-cache') ?? ''
  if (headers.has('x-amzn-waf-action')) return { by: 'cloudfront', code: undefined, ...causeOf(wafChallenge) }
  const failed = functionError(cache)
  if (failed !== undefined) return { by: 'function-failure', code: undefined, ...causeOf(failed) }
  const problem = readProblem(body)
  if (problem !== undefined) return problemAuthor(problem, headers, path)
  const website = /<li>Code: ([A-Za-z]{1,60})<\/li>/.exec(body)?.[1]
  if (website !== undefined) return { by: 's3', code: website, ...causeOf(s3Website(website)) }
  const gateway = gatewayRefusal(body)
  if (gateway !== undefined) return { by: 'api', code: undefined, ...causeOf(gateway) }
  const code = /<Code>([A-Za-z.]{1,60})<\/Code>/.exec(body)?.[1]
  if (code !== undefined) return xmlAuthor(code, body, headers, path)
  // Only the distribution's own 403 page has these links; its status and headers are those of any object.
  if (body.includes('/_edge/session?return') || body.includes('/_edge/pages/403')) {
    return author(
      'error-page',
      undefined,
      "the distribution's 403 page, which replaces every 403 of the key group and of S3",
      'Its body does not say which: look at the first failing check. With bootstrap: none, CloudFront returns the XML.',
    )
  }
  if (/Generated by cloudfront|The request could not be satisfied/i.test(body)) {
    const page = cloudFrontPage(body)
    const by = page?.by.startsWith('lambda') ? 'function-failure' : 'cloudfront'
    if (page !== undefined) return { by, code: undefined, ...causeOf(page) }
    return author(
      'cloudfront',
      undefined,
      'CloudFront itself, but not its signature check',
      'Look for a method that the behaviour does not allow, http where https is required, a geographic restriction, or WAF.',
    )
  }
  if (answer.status === 307 && path === 'private' && !isRenewal(answer) && /^LambdaGenerated/i.test(cache)) {
    return author(
      'session-function',
      'ERR_PATH_RESERVED',
      'the session function, which redirects to the address with an encoded prefix',
      'Follow the redirect, and link to that address: each name in the prefix percent-encoded, as /_edge/session returns it.',
    )
  }
  if (status === 421 && misdirected !== undefined) return { by: 'cloudfront', code: undefined, ...causeOf(misdirected) }
  if (isRenewal(answer) || /^LambdaGenerated/i.test(cache)) return sessionAuthor(answer, path)
  if (/^FunctionGenerated/i.test(cache)) return functionAuthor(undefined, 'a CloudFront Function', readBody, path)
  if (/^Error from/i.test(cache) && status === 200) {
    return { by: 'error-page', code: undefined, ...causeOf(errorPageWith200) }
  }
  if (!isServed(answer) && !isRedirect(answer)) return undefined
  return author('origin', undefined, `the response has status ${status}`, 'Nothing to do.')
}

/** The session function, with a response other than a problem: a page, or a redirect. */
function sessionAuthor(answer: HttpAnswer, path: PathKind): Author {
  const [detail, remedy] = isRenewal(answer)
    ? ['the session function, which renews the cookies', 'Follow the redirect with the cookies that it sets.']
    : isRedirect(answer) && (path === 'private' || answer.status === 302)
      ? ['the session function, which redirects to the login page', 'Sign in, and open the address again.']
      : ['the session function', readBody]
  return author('session-function', undefined, detail, remedy)
}

/** CloudFront and S3 both refuse with XML. Only S3 adds the id of its request. */
function xmlAuthor(code: string, body: string, headers: HttpAnswer['headers'], path: PathKind): Author {
  const isS3 = headers.has('x-amz-request-id') || headers.get('server') === 'AmazonS3' || body.includes('<HostId>')
  if (!isS3 && Object.hasOwn(cloudFrontErrorMessages, code)) {
    return author(
      'key-group',
      code,
      `CloudFront's key group, with ${code}`,
      keyGroupRemedies[code as CloudFrontErrorCode],
    )
  }
  const accepted = path === 'private' ? 'The signature was accepted. ' : ''
  const [detail, remedy] = s3Refusal(code, body) ?? ['S3', 'The request failed in the bucket.']
  return author('s3', code, `${detail} (${code})`, `${accepted}${remedy}`)
}

function causeOf({ by, detail, remedy }: KnownAnswer): Pick<AnswerSource, 'cause' | 'detail' | 'remedy'> {
  return { cause: by, detail, remedy }
}

const keyGroupRemedies: Readonly<Record<CloudFrontErrorCode, string>> = {
  MissingKey: 'No key id reached CloudFront: the cookies were not sent, or the URL lost its parameters.',
  InvalidKey: 'The key is not in the key group of the behaviour that matched this path.',
  MalformedSignature: 'The signature was changed on its way.',
  MalformedPolicy: 'The policy was changed on its way.',
  AccessDenied:
    'The signature or the policy does not allow this request. If every check above passes, CloudFront received something other than what you gave here, or its key group has other keys.',
}

/** Codes that only the guard returns, or in `gate` mode the session function instead of it. */
const guardCodes: readonly ErrorCode[] = [
  'ERR_PATH_NOT_CANONICAL',
  'ERR_PATH_RESERVED',
  'ERR_FETCH_DESTINATION',
  'ERR_RANGE_REQUIRED',
  'ERR_RANGE_MULTIPLE',
  'ERR_ACCESS_REVOKED',
]

/** All problems look alike. `X-Cache` names the kind of function that made one; without that header, path and code decide. */
function problemAuthor(code: ErrorCode, headers: HttpAnswer['headers'], path: PathKind): Author {
  const [status, title, detail] = problems[code]
  const what = `${status} ${code} (${title})`
  const cache = headers.get('x-cache') ?? ''
  const isFunction = /^FunctionGenerated/i.test(cache)
  const isLambda = /^Lambda/i.test(cache)
  const isByCode = path === 'elsewhere' ? code === 'ERR_NOT_FOUND' : guardCodes.includes(code)
  // API Gateway adds the header; on a single machine only the path identifies the API.
  const isApi = headers.has('apigw-requestid') || (path === 'api' && !isFunction && !isLambda)
  if (isApi) return author('api', code, `the API, with ${what}`, detail)
  if (isFunction || (!isLambda && isByCode)) return functionAuthor(code, `with ${what}`, detail, path)
  const remedy = code.startsWith('ERR_SESSION_') && code !== 'ERR_SESSION_MISSING' ? `${detail} ${sessionHint}` : detail
  return author('session-function', code, `the session function, with ${what}`, remedy)
}

const sessionHint = 'To see which check refuses the token: edge-signer explain --session -.'

/** The path decides which CloudFront Function responds. */
function functionAuthor(code: ErrorCode | undefined, what: string, remedy: string, path: PathKind): Author {
  if (path === 'elsewhere') {
    return author(
      'not-found-function',
      code,
      `the not-found function, ${what}: no behaviour serves this path`,
      'Request a path below a prefix that /_edge/session returns.',
    )
  }
  const accepted = path === 'private' ? ': the signature was accepted' : ''
  return author('guard', code, `the guard, ${what}${accepted}`, remedy)
}

/** Returns the code of a problem document, or of the page that a browser gets instead. */
function readProblem(body: string): ErrorCode | undefined {
  const code = /<small>(ERR_[A-Z_]+)<\/small>/.exec(body)?.[1] ?? codeField(body)
  return typeof code === 'string' && Object.hasOwn(problems, code) ? (code as ErrorCode) : undefined
}

function codeField(body: string): unknown {
  try {
    return (JSON.parse(body) as { code?: unknown }).code
  } catch {
    return undefined
  }
}
