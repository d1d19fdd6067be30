import { ConfigError } from '../errors.ts'
import type { ClaimCondition, ClaimName } from './claim.ts'

/** One segment of a template: the same text for everybody, or the value of a claim. */
export type TemplateSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'sub' }
  | ({ readonly kind: 'claim' } & ClaimName)

/** What a grant allows below its prefix. */
export type Access = 'read' | 'read-write'

/** Limits of uploads below the prefixes of one grant, beside those of the stage. */
export interface UploadLimits {
  /** Largest file in bytes. */
  readonly maxBytes?: number | undefined
  /** Media types such as `image/png` and `image/*`. */
  readonly contentTypes?: readonly string[] | undefined
}

/** A parsed template such as `/users/{sub}/*`, with what it grants and to whom. */
export interface GrantTemplate {
  readonly source: string
  readonly segments: readonly TemplateSegment[]
  readonly access: Access
  /** The session must meet all of them. */
  readonly when?: readonly ClaimCondition[]
  readonly upload?: UploadLimits
}

/** First segments that no template may have: they belong to the service, or are public. */
export const reservedSegments = ['_edge', '_incoming', '_state', 'api', 'public'] as const

/** Unreserved characters of RFC 3986 only, so that a literal is already in the encoder's form. */
const literal = /^[A-Za-z0-9._~-]+$/
const claim = /^\{claims\.([A-Za-z0-9_:.-]+)\}$/
/** A claim of any name, as a JSON string: `{claims["https://example.com/team"]}`. */
const quotedClaim = /^\{claims\[("(?:[^"\\]|\\.)+")\]\}$/
/** One segment and the `/` before it. A quoted name may hold `/`. */
const nextSegment = /\/(\{claims\["(?:[^"\\]|\\.)*"\]\}|[^/]*)/y

/**
 * Parses a template: a literal first segment, then literals, `{sub}`, `{claims.name}` or `{claims["name"]}`, then `*`.
 * `{claims.a.b}` is the claim of that literal name, else `b` in the object `a`; a quoted name is literal.
 *
 * @throws ConfigError saying what the template must look like.
 */
export function parseGrantTemplate(source: string): GrantTemplate {
  const parts = splitSegments(source)
  if (parts.some((part) => part === '.' || part === '..')) throw new ConfigError('must not hold dot segments')
  if (parts.length < 3 || parts.at(-1) !== '*') throw invalid()
  const segments = parts.slice(0, -1).map(parseSegment)
  const [first] = segments
  // The first segment names the behaviour; a claim there would put every path of the site behind signatures.
  if (first?.kind !== 'literal') throw invalid()
  if (reservedSegments.some((reserved) => reserved === first.text)) {
    throw new ConfigError(`must not start with a reserved segment: ${reservedSegments.join(', ')}`)
  }
  return { source, segments, access: 'read-write' }
}

function splitSegments(source: string): string[] {
  const parts: string[] = []
  nextSegment.lastIndex = 0
  while (nextSegment.lastIndex < source.length) {
    const part = nextSegment.exec(source)?.[1]
    if (part === undefined) throw invalid()
    parts.push(part)
  }
  return parts
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
  const quoted = quotedClaim.exec(part)?.[1]
  if (quoted !== undefined) return { kind: 'claim', name: parseQuoted(quoted), exact: true }
  if (!literal.test(part)) throw invalid()
  return { kind: 'literal', text: part }
}

function parseQuoted(text: string): string {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid()
  }
}

function invalid(): ConfigError {
  return new ConfigError(
    'must look like /users/{sub}/* : a literal first segment, then literals, {sub}, {claims.name} or {claims["name"]}, then /*',
  )
}
