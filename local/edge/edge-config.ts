import type { DuplicateRule } from '../../shared/cloudfront/signed-request.ts'
import type { ForwardedValues, ResponseHeadersPolicy } from '../template/model.ts'

/** What the njs part of the edge knows of the distribution: JSON, handed over by `js_preload_object edge`. */
export interface EdgeConfig {
  readonly distributionId: string
  readonly behaviours: readonly EdgeBehaviour[]
  /** Error codes that have a custom page. */
  readonly errorPages: readonly number[]
  /** Where the number of the current key group is: it changes with every change of the group. */
  readonly keyGroupGenerationFile: string
  /** Paths that the emulation itself answers, before any behaviour: `/dev/login`. */
  readonly ownPaths: readonly string[]
  readonly unknowns: Unknowns
}

export interface EdgeBehaviour {
  /** With its leading slash, which CloudFront lets one leave out. */
  readonly pathPattern: string
  /** What the path starts with, where the pattern is that and one `*`; else `null`. */
  readonly pathPrefix: string | null
  readonly allowedMethods: readonly string[]
  readonly signed: boolean
  /** Whether plain requests may go the short way (`plain-request.ts`). */
  readonly plain: boolean
  /** Logical id of a CloudFront Function. */
  readonly viewerRequest: string | null
  readonly viewerResponse: string | null
  /** Lambda@Edge answers first. */
  readonly lambda: boolean
  readonly querystrings: ForwardedValues['querystrings']
  /** Request headers that a function's change can reach the origin with, lower case; others cannot be changed here. */
  readonly changeableHeaders: readonly string[]
  readonly originPath: string
  /** Whether the origin is a bucket, whose answers carry S3's own headers. */
  readonly bucket: boolean
  readonly responseHeaders: ResponseHeadersPolicy | null
}

/** What CloudFront does in cases that nobody has documented. The first of each is the default. */
export interface Unknowns {
  /** A preflight without cookies on a path with a key group. */
  readonly preflight: 'reject' | 'pass'
  /** The `uri` that a CloudFront Function sees. */
  readonly functionUri: 'raw' | 'normalised'
  /** The parameters of a signed URL in a function's `querystring`. */
  readonly signedParameters: 'hide' | 'show'
  /** The response headers policy on a response that a viewer-request function made. */
  readonly generatedHeaders: 'none' | 'policy'
  /** Whose response headers policy a custom error page gets: that of the path that failed, or of the page's own path. */
  readonly errorPageHeaders: 'path' | 'page'
  /** Two cookies, or parameters, of one name. */
  readonly duplicates: DuplicateRule
}

/** Each unknown with its default. */
export const defaultUnknowns: Unknowns = {
  preflight: 'reject',
  functionUri: 'raw',
  signedParameters: 'hide',
  generatedHeaders: 'none',
  errorPageHeaders: 'path',
  duplicates: 'refuse',
}
