import { stampCookieName } from '../../shared/cloudfront/cookies.ts'
import { customPolicy } from '../../shared/cloudfront/policy.ts'
import { createPolicySigner } from '../../shared/cloudfront/signer.ts'
import { issueStamp } from '../../shared/revocation/stamp.ts'
import { exitCodes } from '../exit-codes.ts'
import { formatNetscapeJar } from '../input/netscape-jar.ts'
import { readSigningKey, type SigningKeyOptions } from '../input/signing-key.ts'
import { showTime } from '../input/time.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { type ConditionOptions, clockSkew, readConditions } from './conditions.ts'
import { type Folder, parseFolder } from './folder.ts'
import { writePrivateFile } from './private-file.ts'

/** The options of `edge-signer sign-cookies`. */
export interface SignCookiesOptions extends SigningKeyOptions, ConditionOptions {
  readonly jar?: string
  readonly json?: boolean
}

/**
 * Signs cookies for a prefix and prints them as one `Cookie:` line, or writes a cookie jar.
 *
 * @returns the exit status.
 * @throws UsageError; ServiceError `ERR_KEYS_INVALID`.
 */
export async function runSignCookies(url: string, options: SignCookiesOptions, terminal: Terminal): Promise<number> {
  if (options.jar !== undefined && options.json) throw new UsageError('--jar and --json exclude each other')
  const now = terminal.now()
  const folder = parseFolder(url)
  const conditions = readConditions(options, now)
  const { key, stampKey } = await readSigningKey(options, now, terminal)
  const policy = customPolicy({ ...folder, ...conditions, notBefore: conditions.notBefore ?? now - clockSkew })
  const signed = await createPolicySigner(key).sign(policy)
  const cookies: Readonly<Record<string, string>> = {
    'CloudFront-Policy': signed.policy,
    'CloudFront-Signature': signed.signature,
    'CloudFront-Key-Pair-Id': signed.keyPairId,
    ...(signed.hashAlgorithm === undefined ? {} : { 'CloudFront-Hash-Algorithm': signed.hashAlgorithm }),
    // Without the key document there is no stamp; the cookies then do not survive a revocation of the prefix.
    ...(stampKey === undefined ? {} : { [stampCookieName]: issueStamp(stampKey, folder.host, folder.prefix, now) }),
  }
  if (options.jar !== undefined) await writeJar(options.jar, netscapeJar(cookies, folder, conditions.expires), terminal)
  else if (options.json) {
    const facts = { prefix: folder.prefix, host: folder.host, expiresAt: showTime(conditions.expires) }
    terminal.out(`${JSON.stringify({ ...facts, cookies }, null, 2)}\n`)
  } else terminal.out(`Cookie: ${pairs(cookies)}\n`)
  return exitCodes.granted
}

function pairs(cookies: Readonly<Record<string, string>>): string {
  return Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')
}

function netscapeJar(cookies: Readonly<Record<string, string>>, folder: Folder, expires: number): string {
  const { hostname, prefix } = folder
  return formatNetscapeJar(
    Object.entries(cookies).map(([name, value]) => ({
      name,
      value,
      domain: hostname,
      hostOnly: true,
      path: prefix,
      secure: true,
      expires,
      sameSite: undefined,
    })),
  )
}

async function writeJar(path: string, jar: string, terminal: Terminal): Promise<void> {
  if (path === '-') return terminal.out(jar)
  try {
    // Whoever reads the file reads the prefix.
    await writePrivateFile(path, jar)
  } catch (error) {
    throw new UsageError(`--jar: cannot write the file (${(error as NodeJS.ErrnoException).code ?? 'error'})`)
  }
}
