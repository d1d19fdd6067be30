import { randomUUID } from 'node:crypto'
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { customPolicy } from '../../shared/cloudfront/policy.ts'
import { createPolicySigner } from '../../shared/cloudfront/signer.ts'
import { stampCookieName } from '../../shared/cloudfront/signing-fields.ts'
import { issueStamp } from '../../shared/revocation/stamp.ts'
import { type PrefixUrl, parsePrefixUrl } from '../input/request-url.ts'
import { formatNetscapeJar } from '../input/stored-cookies.ts'
import { showTime } from '../input/time.ts'
import { printFile, printJson, printLine } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { exitCodes, UsageError } from '../usage-error.ts'
import { type ConditionOptions, clockSkew, readConditions, readSigningKey, type SigningKeyOptions } from './options.ts'

/** Options of `edge-signer sign-cookies`. */
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
  const target = parsePrefixUrl(url)
  const conditions = readConditions(options, now)
  const { key, stampKey } = await readSigningKey(options, now, terminal)
  const policy = customPolicy({ ...target, ...conditions, notBefore: conditions.notBefore ?? now - clockSkew })
  const signed = await createPolicySigner(key).sign(policy)
  const cookies: Readonly<Record<string, string>> = {
    'CloudFront-Policy': signed.policy,
    'CloudFront-Signature': signed.signature,
    'CloudFront-Key-Pair-Id': signed.keyPairId,
    ...(signed.hashAlgorithm === undefined ? {} : { 'CloudFront-Hash-Algorithm': signed.hashAlgorithm }),
    // Without a key document there is no stamp, and a revocation of the prefix, even one from before, refuses the cookies.
    ...(stampKey === undefined ? {} : { [stampCookieName]: issueStamp(stampKey, target.host, target.prefix, now) }),
  }
  if (options.jar !== undefined) await writeJar(options.jar, netscapeJar(cookies, target, conditions.expires), terminal)
  else if (options.json) {
    const { prefix, host } = target
    printJson(terminal, { prefix, host, expiresAt: showTime(conditions.expires), cookies })
  } else printLine(terminal, `Cookie: ${pairs(cookies)}`)
  return exitCodes.granted
}

function pairs(cookies: Readonly<Record<string, string>>): string {
  return Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')
}

function netscapeJar(
  cookies: Readonly<Record<string, string>>,
  { hostname, prefix }: PrefixUrl,
  expires: number,
): string {
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
  if (path === '-') return printFile(terminal, jar)
  try {
    await writePrivateFile(path, jar)
  } catch (error) {
    throw new UsageError(`--jar: cannot write the file (${(error as NodeJS.ErrnoException).code ?? 'error'})`)
  }
}

/**
 * Writes a file that only its owner may read, because its reader may read the whole prefix. An existing file is replaced by a new
 * one: `mode` has no effect on existing files, and a process that has the old one open must not see the cookies. A target that is
 * not a regular file, such as a terminal or a pipe, is written to directly.
 *
 * @throws the error of the file system.
 */
async function writePrivateFile(path: string, text: string): Promise<void> {
  const existing = await stat(path).catch(() => undefined)
  if (existing !== undefined && !existing.isFile()) return writeFile(path, text)
  // A symbolic link is kept; its target is replaced.
  const target = existing === undefined ? path : await realpath(path)
  const draft = `${target}.${randomUUID()}`
  try {
    await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
    await rename(draft, target)
  } finally {
    await rm(draft, { force: true })
  }
}
