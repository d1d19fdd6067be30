import { isSignedUrl } from '../../shared/cloudfront/signed-request.ts'
import { signFolder, signUrl } from '../../shared/cloudfront/signed-url.ts'
import { createPolicySigner } from '../../shared/cloudfront/signer.ts'
import { isCanonicalPath } from '../../shared/read/canonical-path.ts'
import { parsePrefixUrl, parseRequestUrl, type RequestUrl } from '../input/request-url.ts'
import { showTime } from '../input/time.ts'
import { printJson, printLine } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { exitCodes, UsageError } from '../usage-error.ts'
import { type ConditionOptions, clockSkew, readConditions, readSigningKey, type SigningKeyOptions } from './options.ts'

/** Options of `edge-signer sign-url`. */
export interface SignUrlOptions extends SigningKeyOptions, ConditionOptions {
  readonly folder?: boolean
  readonly canned?: boolean
  readonly json?: boolean
}

/**
 * Signs a URL, or a prefix with `--folder`, and prints it.
 *
 * @returns the exit status.
 * @throws UsageError; ServiceError `ERR_KEYS_INVALID`.
 */
export async function runSignUrl(url: string, options: SignUrlOptions, terminal: Terminal): Promise<number> {
  const now = terminal.now()
  if (options.canned && (options.folder || options.notBefore !== undefined || options.ip !== undefined))
    throw new UsageError('--canned: a canned policy has no wildcard, no start and no address')
  const conditions = readConditions(options, now)
  const { key } = await readSigningKey(options, now, terminal)
  const signer = createPolicySigner(key)
  const keyAndExpiry = { expiresAt: showTime(conditions.expires), keyPairId: key.keyPairId }
  if (options.folder) {
    const target = parsePrefixUrl(url)
    const signed = await signFolder(
      { ...target, ...conditions, notBefore: conditions.notBefore ?? now - clockSkew },
      signer,
    )
    const baseUrl = withScheme(signed.baseUrl, target.scheme)
    if (options.json) printJson(terminal, { baseUrl, querystring: signed.querystring, ...keyAndExpiry })
    else printLine(terminal, `${baseUrl}?${signed.querystring}`)
    return exitCodes.granted
  }
  const request = parseRequestUrl(url)
  const signed = withScheme(
    await signUrl(signableUrl(url, request), conditions, signer, options.canned),
    request.scheme,
  )
  if (options.json) printJson(terminal, { url: signed, ...keyAndExpiry })
  else printLine(terminal, signed)
  return exitCodes.granted
}

/**
 * Checks the URL before the signer does, with errors that name the fault. A URL that a browser rewrites, or that the guard refuses, would
 * be signed in vain: what arrives is not what the policy covers.
 */
function signableUrl(given: string, { signedUrl, path, querystring }: RequestUrl): string {
  if (isSignedUrl(querystring))
    throw new UsageError('the URL is already signed: remove the parameters of the signature')
  if (given.includes('#')) throw new UsageError('a # begins a fragment, which nobody sends: write %23 in a name')
  const url = querystring === '' ? signedUrl : `${signedUrl}?${querystring}`
  if (!/^[!-~]*$/.test(url) || /["\\<>]/.test(url)) {
    throw new UsageError(
      'the URL must be percent-encoded as it will be requested: no spaces, no characters outside ASCII',
    )
  }
  if (url.includes('*')) throw new UsageError('a * would cover other files: write %2A, or sign a prefix with --folder')
  if (!isCanonicalPath(path)) {
    throw new UsageError(
      'the guard refuses this path: leave out //, /./ and /../, write escapes in capitals (%2B), and encode %, {, } and `',
    )
  }
  // By the rules that browsers follow (https://url.spec.whatwg.org/#url-parsing).
  const { pathname, search } = new URL(url)
  if (pathname !== path || search !== (querystring === '' ? '' : `?${querystring}`)) {
    throw new UsageError(`browsers request this URL as ${pathname}${search}: sign it in that form`)
  }
  return url
}

/** Restores the scheme of the request: policies always name https, but the emulation may serve http. */
function withScheme(url: string, scheme: string): string {
  return url.replace(/^https:/, `${scheme}:`)
}
