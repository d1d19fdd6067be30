import { UsageError } from '../usage-error.ts'

/** Set by the command itself. */
const own = ['sub', 'iss', 'aud', 'iat', 'exp']

/**
 * Claims of `--claim name=value`; the same name again makes a list. `name:=json` takes any JSON, for a claim that is no text.
 *
 * @throws UsageError for another form, and for the claims that have options of their own.
 */
export function parseClaims(options: readonly string[]): Record<string, unknown> {
  const claims = new Map<string, unknown>()
  for (const option of options) {
    const match = /^([A-Za-z0-9_:.-]*[A-Za-z0-9_.-])(:?)=(.*)$/s.exec(option)
    const name = match?.[1]
    if (match === null || name === undefined) throw new UsageError('--claim must be <name>=<text> or <name>:=<JSON>')
    if (own.includes(name)) throw new UsageError(`--claim: ${name} is set by the command`)
    const value = match[2] === ':' ? parseJson(match[3] ?? '') : match[3]
    const before = claims.get(name)
    if (before === undefined) claims.set(name, value)
    else claims.set(name, [...(Array.isArray(before) ? before : [before]), value])
  }
  return Object.fromEntries(claims)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new UsageError('--claim: what stands after := must be JSON')
  }
}
