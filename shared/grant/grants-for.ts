import { GrantError } from '../errors.ts'
import { encodePathSegment } from './path-segment.ts'
import { contains, type Grant, parseResourcePrefix, type ResourcePrefix } from './resource-prefix.ts'
import type { GrantTemplate, TemplateSegment } from './template.ts'

/** The part of a verified session that grants are made from. */
export interface Grantee {
  readonly sub: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** Max prefixes of one template, before duplicates are dropped. Guards against arrays times arrays. */
const maxCombinations = 256

/**
 * The max number of grants whose cookies fit one response. With `Domain` each grant takes twice the lines, because host-only cookies
 * of the same names are cleared too.
 *
 * @param domain `cookies.domain` of the stage.
 */
export function maxGrants(domain: string | null): number {
  return domain === null ? 8 : 4
}

/**
 * Turns a verified session into what it may read, in the order of the templates.
 *
 * A template whose claim is absent or an empty array yields nothing; an array yields one grant for each element. A grant
 * inside a broader one is dropped: two sets of CloudFront cookies of one name would reach CloudFront, which then chooses.
 *
 * @param limit from `maxGrants`.
 * @throws GrantError `ERR_GRANT_CLAIM` where a claim is of another type or cannot be one segment; `ERR_GRANT_NONE`;
 *   `ERR_GRANT_TOO_MANY`.
 */
export function grantsFor(session: Grantee, templates: readonly GrantTemplate[], limit: number): Grant[] {
  const prefixes = [...new Set(templates.flatMap((template) => expandTemplate(session, template)))]
  const broadest = prefixes.filter((prefix) => !prefixes.some((other) => other !== prefix && contains(other, prefix)))
  if (broadest.length === 0) throw new GrantError('ERR_GRANT_NONE')
  if (broadest.length > limit) throw new GrantError('ERR_GRANT_TOO_MANY')
  return broadest.map((prefix) => ({ prefix }))
}

function expandTemplate(session: Grantee, template: GrantTemplate): ResourcePrefix[] {
  let paths = ['/']
  for (const segment of template.segments) {
    const values = valuesOf(session, segment)
    if (paths.length * values.length > maxCombinations) throw new GrantError('ERR_GRANT_TOO_MANY')
    paths = paths.flatMap((path) => values.map((value) => `${path}${value}/`))
  }
  return paths.map(parseResourcePrefix)
}

function valuesOf(session: Grantee, segment: TemplateSegment): string[] {
  switch (segment.kind) {
    case 'literal':
      return [segment.text]
    case 'sub':
      return [encodeClaim(session.sub)]
    case 'claim': {
      // Own properties only: `{claims.constructor}` must not find what every object inherits.
      if (!Object.hasOwn(session.claims, segment.name)) return []
      const claim = session.claims[segment.name]
      if (claim === undefined) return []
      return [...new Set((Array.isArray(claim) ? claim : [claim]).map(encodeClaim))]
    }
  }
}

/** Strings only: a number prints in more than one way (`1e21`, `0.1`), and `1` and `"1"` would be one prefix. */
function encodeClaim(value: unknown): string {
  if (typeof value !== 'string')
    throw new GrantError('ERR_GRANT_CLAIM', 'a claim must be a string or an array of strings')
  return encodePathSegment(value)
}
