import { EdgeSignerError } from '../../shared/errors.ts'
import { meets, readClaim } from '../../shared/grant/claim.ts'
import { grantsFor } from '../../shared/grant/grants-for.ts'
import type { GrantTemplate } from '../../shared/grant/template.ts'
import type { CheckFinding } from '../explain/check.ts'
import { fault, pass, unknown } from '../finding.ts'
import { kindOf } from './token.ts'

type Fields = Readonly<Record<string, unknown>>

/** A finding with the name of its check. */
export type Result = { readonly check: string } & CheckFinding

/**
 * Describes what each template grants, and what remains in the end. A claim that cannot be used takes nothing from the other grants, so
 * it is a fault only where no grant remains.
 *
 * @param limit from `maxGrants`.
 */
export function grantResults(payload: Fields | undefined, grants: readonly GrantTemplate[], limit: number): Result[] {
  if (payload === undefined) return [{ check: 'grants', ...unknown('the token cannot be read') }]
  const results = grants.map((grant): Result => ({ check: `grant ${grant.source}`, ...describeGrant(grant, payload) }))
  const softened = results.map((result) =>
    result.status === 'fail'
      ? { check: result.check, ...unknown(`not granted: ${result.detail}. ${result.remedy}`) }
      : result,
  )
  return [...softened, { check: 'grants', ...total(payload, grants, limit, results) }]
}

function total(
  payload: Fields,
  grants: readonly GrantTemplate[],
  limit: number,
  results: readonly Result[],
): CheckFinding {
  try {
    const { prefixes } = grantsFor({ sub: String(payload.sub ?? ''), claims: payload }, grants, limit)
    return pass(`cookies for ${prefixes.length} of at most ${limit} prefixes`)
  } catch (error) {
    if (!(error instanceof EdgeSignerError)) throw error
    if (error.code === 'ERR_GRANT_TOO_MANY') {
      const remedy = 'Grant a broader prefix, or let the issuer list fewer values.'
      return fault('too-many-grants', `more than ${limit} prefixes`, remedy)
    }
    const unusable = results.find((result) => result.status === 'fail')
    if (unusable !== undefined) return unusable
    const remedy = 'Let the issuer add the claims that the templates name, or correct the templates.'
    return fault('no-grant', 'no template grants a prefix', remedy)
  }
}

/** Describes what a template makes of the session: a number of prefixes, or why there is none. */
function describeGrant(template: GrantTemplate, payload: Fields): CheckFinding {
  const missed = template.when?.find((condition) => !meets(payload, condition))
  if (missed !== undefined) {
    const value = readClaim(payload, { name: missed.claim })
    return unknown(
      `not granted: ${missed.claim} must be ${missed.values.join(' or ')}; ${value === undefined ? 'it is absent' : `came ${kindOf(value)}`}`,
    )
  }
  let count = 1
  for (const segment of template.segments) {
    if (segment.kind === 'literal') continue
    const name = segment.kind === 'sub' ? 'sub' : segment.name
    const value = segment.kind === 'sub' ? payload.sub : readClaim(payload, segment)
    if (value === undefined) return unknown(`not granted: ${name} is absent${pathHint(payload, name)}`)
    const values = [value].flat()
    const bad = values.find((item) => segmentFault(item) !== undefined)
    const good = values.filter((item) => segmentFault(item) === undefined)
    if (good.length === 0) {
      return fault(
        `claim:${name}`,
        `${name} is ${kindOf(value)}: ${segmentFault(bad)}`,
        'Let the issuer write one path segment as a text; with Keycloak switch off "Full group path" of the mapper.',
      )
    }
    count *= new Set(good).size
  }
  return pass(`${count} ${count === 1 ? 'prefix' : 'prefixes'}, ${template.access}`)
}

/** Hint for an absent claim: another claim whose name ends in the same word, as Auth0 adds a namespace. */
function pathHint(payload: Fields, name: string): string {
  const last = name.split(/[./]/).at(-1) ?? name
  const namespaced = Object.keys(payload).some(
    (other) => other !== name && new RegExp(`[/:]${literal(last)}$`).test(other),
  )
  const nested = Object.values(payload).some(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, last),
  )
  if (namespaced) return '; a claim with a namespace ends in that name: write {claims["https://…/name"]}'
  return nested ? '; it is inside an object: write its path, {claims.object.name}' : ''
}

function literal(text: string): string {
  return text.replace(/[^\w]/g, '\\$&')
}

/** Describes why a value cannot be one segment, without the value. */
function segmentFault(value: unknown): string | undefined {
  if (typeof value !== 'string') return `a segment must be a text, and this is ${kindOf(value)}`
  if (value === '') return 'it is empty'
  if (value === '.' || value === '..') return 'it is a dot segment'
  if (value.startsWith('/')) return 'it begins with /'
  if (/[/\\]/.test(value)) return 'it has a / or \\'
  if (/[*?]/.test(value)) return 'it has a wildcard of policies, * or ?'
  if (/[\p{Cc}\p{Surrogate}]/u.test(value)) return 'it has a control character'
  return value.length > 400 ? 'it is too long' : undefined
}
