import { stat } from 'node:fs/promises'
import { UsageError } from '../usage-error.ts'

/** Options of `edge-signer explain`. */
export interface ExplainOptions {
  readonly url?: string
  readonly cookie?: string
  readonly jar?: string
  readonly setCookie?: string
  readonly page?: string
  readonly navigation?: boolean
  readonly keys?: readonly string[]
  readonly local?: boolean
  readonly state?: string
  readonly revocations?: string
  readonly ip?: string
  readonly at?: string
  readonly responseHeaders?: string
  readonly body?: string
  /** A session token instead of a request: `-` or a file. */
  readonly session?: string
  readonly stage?: string
  readonly param?: readonly string[]
  readonly jwks?: string
  readonly secretFile?: string
  readonly json?: boolean
}

/** Start of `name=value`, with a name of RFC 6265 section 4.1.1. */
const cookiePair = /^[!#$%&'*+\-.^_`|~\w]+=/

/**
 * Assigns each argument to the option that it stands for: a URL, a cookie header, or the path of a cookie jar.
 *
 * @throws UsageError if an argument is none of them, a kind is given twice, or two options would read standard input.
 */
export async function assignArguments(args: readonly string[], given: ExplainOptions): Promise<ExplainOptions> {
  let { url, cookie, jar } = given
  for (const arg of args) {
    if (/^https?:\/\//i.test(arg)) url = once(url, arg, 'URL')
    else if (/^cookie:|CloudFront-[\w-]+=/i.test(arg)) cookie = once(cookie, arg, 'cookie header')
    // Tested before other cookies, because a file name may contain = as well.
    else if ((await stat(arg).catch(() => undefined))?.isFile()) jar = once(jar, arg, 'cookie jar')
    else if (cookiePair.test(arg)) cookie = once(cookie, arg, 'cookie header')
    else throw new UsageError('an argument is neither an http(s) URL, nor a cookie header (name=value; …), nor a file')
  }
  refuseSecondReader(given)
  return { ...given, ...(url ? { url } : {}), ...(cookie ? { cookie } : {}), ...(jar ? { jar } : {}) }
}

function once(before: string | undefined, value: string, what: string): string {
  if (before !== undefined) throw new UsageError(`more than one ${what} was given`)
  return value
}

/** Standard input can be read once: a second option would get an empty text, and report a misleading error. */
export function refuseSecondReader(given: ExplainOptions): void {
  const readers = Object.entries(given).flatMap(([name, value]) =>
    [value].flat().flatMap((text) => (standardInput.test(String(text)) ? [optionName(name)] : [])),
  )
  if (readers.length > 1) throw new UsageError(`${readers.join(' and ')}: standard input can be read once`)
}

/** Spellings of standard input: `--keys -`, `--keys <id>=-` and `--cookie @-`. */
const standardInput = /^(@|[\w-]{1,64}=)?-$/

function optionName(property: string): string {
  return `--${property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
