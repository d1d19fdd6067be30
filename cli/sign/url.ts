import { isSignedUrl } from '../../shared/cloudfront/signed-request.ts'
import { signFolder, signUrl } from '../../shared/cloudfront/signed-url.ts'
import { createPolicySigner } from '../../shared/cloudfront/signer.ts'
import { exitCodes } from '../exit-codes.ts'
import { parseRequestUrl, type RequestUrl } from '../input/request-url.ts'
import { readSigningKey, type SigningKeyOptions } from '../input/signing-key.ts'
import { showTime } from '../input/time.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { type ConditionOptions, clockSkew, readConditions } from './conditions.ts'
import { parseFolder } from './folder.ts'

/** The options of `edge-signer sign-url`. */
export interface SignUrlOptions extends SigningKeyOptions, ConditionOptions {
  readonly folder?: boolean
  readonly json?: boolean
}

/**
 * Signs a URL, or a folder with `--folder`, and prints it.
 *
 * @returns the exit status.
 * @throws UsageError; ServiceError `ERR_KEYS_INVALID`.
 */
export async function runSignUrl(url: string, options: SignUrlOptions, terminal: Terminal): Promise<number> {
  const now = terminal.now()
  const conditions = readConditions(options, now)
  const { key } = await readSigningKey(options, now, terminal)
  const signer = createPolicySigner(key)
  const facts = { expiresAt: showTime(conditions.expires), keyPairId: key.keyPairId }
  if (options.folder) {
    const folder = parseFolder(url)
    const signed = await signFolder(
      { ...folder, ...conditions, notBefore: conditions.notBefore ?? now - clockSkew },
      signer,
    )
    const baseUrl = withScheme(signed.baseUrl, folder.scheme)
    if (options.json) printJson(terminal, { baseUrl, querystring: signed.querystring, ...facts })
    else terminal.out(`${baseUrl}?${signed.querystring}\n`)
    return exitCodes.granted
  }
  const request = parseRequestUrl(url)
  const signed = withScheme(await signUrl(signableUrl(request), conditions, signer), request.scheme)
  if (options.json) printJson(terminal, { url: signed, ...facts })
  else terminal.out(`${signed}\n`)
  return exitCodes.granted
}

/** Says what is wrong before the signer refuses without saying it. */
function signableUrl({ signedUrl, querystring }: RequestUrl): string {
  if (isSignedUrl(querystring)) throw new UsageError('the URL has parameters of a signature already')
  const url = querystring === '' ? signedUrl : `${signedUrl}?${querystring}`
  if (!/^[!-~]*$/.test(url) || /["\\<>]/.test(url)) {
    throw new UsageError(
      'the URL must be percent-encoded as it will be requested: no spaces, no characters outside of ASCII',
    )
  }
  if (url.includes('*')) throw new UsageError('a * would cover other files: write %2A, or sign a prefix with --folder')
  return url
}

/** The emulation signs https:// whatever its own scheme; what is printed can be requested. */
function withScheme(url: string, scheme: string): string {
  return url.replace(/^https:/, `${scheme}:`)
}

function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`)
}
