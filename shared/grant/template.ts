import { ConfigError } from '../errors.ts'

/** One segment of a template: the same text for everybody, or the value of a claim. */
export type TemplateSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'sub' }
  | { readonly kind: 'claim'; readonly name: string }

/** A parsed template such as `/users/{sub}/*`. */
export interface GrantTemplate {
  readonly source: string
  readonly segments: readonly TemplateSegment[]
}

/** First segments that no template may have: they belong to the service, or are public. */
export const reservedSegments = ['_edge', '_incoming', '_state', 'api', 'public'] as const

/** Unreserved characters of RFC 3986 only, so that a literal is already in the encoder's form. */
const literal = /^[A-Za-z0-9._~-]+$/
const claim = /^\{claims\.([A-Za-z0-9_:.-]+)\}$/

/**
 * Parses a template: a literal first segment, then literals, `{sub}` or `{claims.name}`, then `*`. The text between `claims.` and
 * `}` is one claim's name: `{claims.a.b}` is the claim named `a.b`.
 *
 * @throws ConfigError saying what the template must look like.
 */
export function parseGrantTemplate(source: string): GrantTemplate {
  const parts = source.split('/')
  if (parts.some((part) => part === '.' || part === '..')) throw new ConfigError('must not hold dot segments')
  if (parts.length < 4 || parts[0] !== '' || parts.at(-1) !== '*') throw invalid()
  const segments = parts.slice(1, -1).map(parseSegment)
  const [first] = segments
  // The first segment names the behaviour; a claim there would put every path of the site behind signatures.
  if (first?.kind !== 'literal') throw invalid()
  if (reservedSegments.some((reserved) => reserved === first.text)) {
    throw new ConfigError(`must not start with a reserved segment: ${reservedSegments.join(', ')}`)
  }
  return { source, segments }
}

/** The CloudFront `PathPattern` whose behaviour serves the template: its leading literals and `*`. */
export function templateBehaviour(template: GrantTemplate): string {
  let pattern = '/'
  for (const segment of template.segments) {
    if (segment.kind !== 'literal') break
    pattern += `${segment.text}/`
  }
  return `${pattern}*`
}

/** The number of segments in every prefix that the template makes. */
export function templateDepth(template: GrantTemplate): number {
  return template.segments.length
}

function parseSegment(part: string): TemplateSegment {
  if (part === '{sub}') return { kind: 'sub' }
  const name = claim.exec(part)?.[1]
  if (name !== undefined) return { kind: 'claim', name }
  if (!literal.test(part)) throw invalid()
  return { kind: 'literal', text: part }
}

function invalid(): ConfigError {
  return new ConfigError(
    'must look like /users/{sub}/* : a literal first segment, then literals, {sub} or {claims.name}, then /*',
  )
}
