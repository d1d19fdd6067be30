import { isPrefixPattern } from '../../shared/cloudfront/resource-match.ts'
import type { DuplicateRule } from '../../shared/cloudfront/signed-request.ts'
import type { Behaviour, Distribution, ForwardedValues, ResponseHeadersPolicy } from './template/model.ts'

/** The configuration of the edge's njs code: JSON that nginx loads with `js_preload_object edge`. */
export interface EdgeConfig {
  readonly distributionId: string
  readonly behaviours: readonly EdgeBehaviour[]
  /** Error codes that have a custom page. */
  readonly errorPages: readonly number[]
  /** File with the generation of the key group, which changes with every change of the group. */
  readonly keyGroupGenerationFile: string
  /** Paths of the development pages, which the emulation serves before any behaviour. */
  readonly ownPaths: readonly string[]
  readonly unknowns: Unknowns
}

export interface EdgeBehaviour {
  /** With the leading slash, which is optional in a template. */
  readonly pathPattern: string
  /** The text before a `*` at the pattern's end, where that is its only wildcard. */
  readonly pathPrefix: string | null
  readonly allowedMethods: readonly string[]
  readonly signed: boolean
  /** Logical id of a CloudFront Function. */
  readonly viewerRequest: string | null
  readonly viewerResponse: string | null
  /** True if a Lambda@Edge function gets each request first. */
  readonly lambda: boolean
  readonly querystrings: ForwardedValues['querystrings']
  /** Lower-case names of the request headers whose change by a function reaches the origin. */
  readonly changeableHeaders: readonly string[]
  readonly originPath: string
  /** True if the origin is a bucket, whose responses have S3's headers. */
  readonly bucket: boolean
  readonly responseHeaders: ResponseHeadersPolicy | null
}

/** CloudFront's behaviour in undocumented cases. The first value of each is the default. */
export interface Unknowns {
  /** A preflight without cookies on a path with a key group. */
  readonly preflight: 'reject' | 'pass'
  /** The `uri` that a CloudFront Function sees. */
  readonly functionUri: 'raw' | 'normalised'
  /** The parameters of a signed URL in a function's `querystring`. If they are hidden, the guard mistakes the URL for cookies. */
  readonly signedParameters: 'show' | 'hide'
  /** The response headers policy on a response that a viewer-request function generated. */
  readonly generatedHeaders: 'none' | 'policy'
  /** The response headers policy of a custom error page: that of the failed path, or of the page's own path. */
  readonly errorPageHeaders: 'path' | 'page'
  /** Two cookies, or two parameters, of the same name. */
  readonly duplicates: DuplicateRule
}

/** The default of each unknown. */
export const defaultUnknowns: Unknowns = {
  preflight: 'reject',
  functionUri: 'raw',
  signedParameters: 'show',
  generatedHeaders: 'none',
  errorPageHeaders: 'path',
  duplicates: 'refuse',
}

/** Returns the njs configuration of a distribution. */
export function edgeConfig(
  distribution: Distribution,
  rest: Omit<EdgeConfig, 'behaviours' | 'errorPages'>,
): EdgeConfig {
  return {
    ...rest,
    errorPages: distribution.errorPages.map(({ errorCode }) => errorCode),
    behaviours: distribution.behaviours.map((behaviour) => ({
      ...pathPattern(behaviour.pathPattern),
      allowedMethods: behaviour.allowedMethods,
      signed: behaviour.signed,
      viewerRequest: functionId(behaviour.viewerRequest),
      viewerResponse: functionId(behaviour.viewerResponse),
      lambda: behaviour.viewerRequest?.kind === 'lambda-edge',
      querystrings: behaviour.forward.querystrings,
      changeableHeaders: changeableHeadersOf(behaviour),
      originPath: behaviour.origin.path,
      bucket: behaviour.origin.kind === 'bucket',
      responseHeaders: behaviour.responseHeaders ?? null,
    })),
  }
}

function pathPattern(pattern: string): Pick<EdgeBehaviour, 'pathPattern' | 'pathPrefix'> {
  // CloudFront treats `images/*` and `/images/*` as the same pattern, and `*` as every path.
  const rooted = pattern.startsWith('/') ? pattern : `/${pattern}`
  return {
    pathPattern: rooted,
    pathPrefix: isPrefixPattern(rooted) && rooted.endsWith('*') ? rooted.slice(0, -1) : null,
  }
}

function functionId(association: Behaviour['viewerRequest']): string | null {
  return association?.kind === 'cloudfront-function' ? association.logicalId : null
}

/** Ranges and conditions. They reach every origin: without a cache, the edge cannot answer them itself. */
export const conditionHeaders = [
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
]

/** Returns the lower-case names of the request headers that an origin gets beside `Host`, unless it gets all of them. */
export function forwardedHeaders({ forward }: Behaviour): string[] {
  const named = forward.headers === 'all' ? [] : forward.headers.filter((name) => name !== 'host')
  const cookies = forward.cookies === 'all' ? ['cookie'] : []
  return [...new Set([...conditionHeaders, ...named, ...cookies])]
}

/**
 * Returns the request headers that a function can change. If an origin gets all headers, nginx forwards the viewer's own, and a
 * change would have no effect.
 */
export function changeableHeadersOf(behaviour: Behaviour): string[] {
  return behaviour.forward.headers === 'all' ? [] : forwardedHeaders(behaviour)
}
