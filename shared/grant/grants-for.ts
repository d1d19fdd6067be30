import { GrantError } from '../errors.ts'
import { meets, readClaim } from './claim.ts'
import { contains, encodePathSegment, type Grant, parseResourcePrefix, type ResourcePrefix } from './resource-prefix.ts'
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

/** Name of a claim whose value gives no grant. Names come from the configuration, so a log may have them. */
export type UnusableClaim = string

/** The grants of a session, in the order of the templates. */
export interface SessionGrants {
  /** Each right by itself, also inside a broader one: it may allow more. */
  readonly rights: readonly Grant[]
  /**
   * The broadest prefixes, each once: what cookies are made for. Two sets of CloudFront cookies of one name would reach
   * CloudFront, which then chooses.
   */
  readonly prefixes: readonly ResourcePrefix[]
  /** Claims with a value that cannot be one segment. */
  readonly unusable: readonly UnusableClaim[]
}

/**
 * Turns a verified session into what it may read and write.
 *
 * A template whose condition the session does not meet, or whose claim is absent, yields nothing. A list yields one grant for each
 * element. A value that cannot be one segment yields none and leaves the other grants alone.
 *
 * @param limit from `maxGrants`.
 * @throws GrantError `ERR_GRANT_CLAIM` where no grant remains because of an unusable value; `ERR_GRANT_NONE`;
 *   `ERR_GRANT_TOO_MANY`.
 */
export function grantsFor(session: Grantee, templates: readonly GrantTemplate[], limit: number): SessionGrants {
  const unusable = new Set<UnusableClaim>()
  const rights = templates
    .filter(({ when = [] }) => when.every((condition) => meets(session.claims, condition)))
    .flatMap((template) => {
      const { access, upload } = template
      return expandTemplate(session, template, unusable).map((prefix) => ({
        prefix,
        access,
        ...(upload && { upload }),
      }))
    })
  const all = [...new Set(rights.map(({ prefix }) => prefix))]
  const prefixes = all.filter((prefix) => !all.some((other) => other !== prefix && contains(other, prefix)))
  if (prefixes.length === 0) {
    const [claim] = unusable
    throw claim === undefined ? new GrantError('ERR_GRANT_NONE') : new GrantError('ERR_GRANT_CLAIM', undefined, claim)
  }
  if (prefixes.length > limit) throw new GrantError('ERR_GRANT_TOO_MANY')
  return { rights, prefixes, unusable: [...unusable] }
}

function expandTemplate(session: Grantee, template: GrantTemplate, unusable: Set<UnusableClaim>): ResourcePrefix[] {
  let paths = ['/']
  let last = 'sub'
  for (const segment of template.segments) {
    if (segment.kind === 'claim') last = segment.name
    const values = valuesOf(session, segment, unusable)
    if (paths.length * values.length > maxCombinations) throw new GrantError('ERR_GRANT_TOO_MANY')
    paths = paths.flatMap((path) => values.map((value) => `${path}${value}/`))
  }
  // What is left to refuse is a prefix that is too long, by its last claim at the latest.
  return paths.flatMap((path) => usable(() => parseResourcePrefix(path), last, unusable))
}

function valuesOf(session: Grantee, segment: TemplateSegment, unusable: Set<UnusableClaim>): string[] {
  switch (segment.kind) {
    case 'literal':
      return [segment.text]
    case 'sub':
      return usable(() => encodePathSegment(session.sub), 'sub', unusable)
    case 'claim': {
      const values = [readClaim(session.claims, segment)].flat().filter((value) => value !== undefined)
      return [...new Set(values.flatMap((value) => usable(() => encodeClaim(value), segment.name, unusable)))]
    }
  }
}

/** Returns the value in a list, or an empty list where it cannot be used. */
function usable<T>(make: () => T, name: string, unusable: Set<UnusableClaim>): T[] {
  try {
    return [make()]
  } catch (error) {
    if (!(error instanceof GrantError)) throw error
    unusable.add(name)
    return []
  }
}

/** Strings only: a number prints in more than one way (`1e21`, `0.1`), and `1` and `"1"` would be one prefix. */
function encodeClaim(value: unknown): string {
  if (typeof value !== 'string') throw new GrantError('ERR_GRANT_CLAIM')
  return encodePathSegment(value)
}
