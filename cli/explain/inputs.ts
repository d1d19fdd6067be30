import { stat } from 'node:fs/promises'
import { UsageError } from '../usage-error.ts'

/** The options of `edge-signer explain`, as the parser hands them over. */
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
  readonly json?: boolean
}

/** `name=value` at the beginning, with a name of RFC 6265 section 4.1.1. */
const cookiePair = /^[!#$%&'*+\-.^_`|~\w]+=/

/**
 * Tells the arguments apart, so that what is at hand can be pasted: a URL, a header, a file.
 *
 * @throws UsageError where one is none of them, two are the same, or two options would read standard input.
 */
export async function placeInputs(inputs: readonly string[], given: ExplainOptions): Promise<ExplainOptions> {
  let { url, cookie, jar } = given
  for (const input of inputs) {
    if (/^https?:\/\//i.test(input)) url = once(url, input, 'URL')
    else if (/^cookie:|CloudFront-[\w-]+=/i.test(input)) cookie = once(cookie, input, 'cookie header')
    // Before other cookies: a file's name may hold a = too.
    else if ((await stat(input).catch(() => undefined))?.isFile()) jar = once(jar, input, 'cookie jar')
    else if (cookiePair.test(input)) cookie = once(cookie, input, 'cookie header')
    else throw new UsageError('an argument is no http(s) URL, no cookie header (name=value; …) and no file')
  }
  refuseSecondReader(given)
  return { ...given, ...(url ? { url } : {}), ...(cookie ? { cookie } : {}), ...(jar ? { jar } : {}) }
}

function once(before: string | undefined, value: string, what: string): string {
  if (before !== undefined) throw new UsageError(`more than one ${what} was given`)
  return value
}

/** The first would get all of it, and the second say that nothing is no key or no header. */
function refuseSecondReader(given: ExplainOptions): void {
  const readers = Object.entries(given).flatMap(([name, value]) =>
    [value].flat().flatMap((text) => (standardInput.test(String(text)) ? [optionName(name)] : [])),
  )
  if (readers.length > 1) throw new UsageError(`${readers.join(' and ')}: standard input can be read once`)
}

/** As `--keys -`, `--keys <id>=-` and `--cookie @-` name it. */
const standardInput = /^(@|[\w-]{1,64}=)?-$/

function optionName(property: string): string {
  return `--${property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
