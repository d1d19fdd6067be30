/**
 * A distribution as the emulation models it, between the CloudFormation template and nginx. Field names are CloudFront's where
 * CloudFront has one.
 */

/** One CloudFront distribution. */
export interface Distribution {
  readonly logicalId: string
  /** In CloudFront's order of precedence. The last one is the default behaviour, pattern `*`. */
  readonly behaviours: readonly Behaviour[]
  readonly origins: readonly Origin[]
  readonly errorPages: readonly ErrorPage[]
  readonly ipv6: boolean
}

export interface Behaviour {
  readonly index: number
  readonly pathPattern: string
  readonly origin: Origin
  readonly allowedMethods: readonly string[]
  /** True if it has a trusted key group, so that each request needs a valid signature. */
  readonly signed: boolean
  readonly viewerRequest: FunctionAssociation | undefined
  readonly viewerResponse: FunctionAssociation | undefined
  readonly forward: ForwardedValues
  readonly responseHeaders: ResponseHeadersPolicy | undefined
}

export type FunctionAssociation =
  | { readonly kind: 'cloudfront-function'; readonly logicalId: string }
  | { readonly kind: 'lambda-edge'; readonly logicalId: string; readonly includeBody: boolean }

export type Origin =
  | { readonly kind: 'bucket'; readonly id: string; readonly path: string }
  | { readonly kind: 'http-api'; readonly id: string; readonly path: string; readonly apiId: string }
  | { readonly kind: 'custom'; readonly id: string; readonly path: string; readonly domainName: string }

/** The parts of a viewer's request that reach the origin, by cache policy and origin request policy together. */
export interface ForwardedValues {
  /** `all` is every header of the viewer, without `Host` if `host` is false. Otherwise the lower-case names of the headers. */
  readonly headers: 'all' | readonly string[]
  /** True if the viewer's `Host` is sent instead of the origin's name. */
  readonly host: boolean
  readonly cookies: 'none' | 'all'
  readonly querystrings: 'none' | 'all' | { readonly only: readonly string[] } | { readonly except: readonly string[] }
}

/** https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html */
export interface ResponseHeadersPolicy {
  readonly cors: CorsPolicy | undefined
  /** Security and custom headers, lower-case names. `override`: replaces what the origin sent. */
  readonly set: ReadonlyArray<{ readonly name: string; readonly value: string; readonly override: boolean }>
  /** Lower-case names. */
  readonly remove: readonly string[]
}

export interface CorsPolicy {
  readonly credentials: boolean
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  readonly headers: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAge: number | undefined
  readonly override: boolean
}

/** A custom error response: `path` is fetched without functions, as CloudFront does, and sent with `responseCode`. */
export interface ErrorPage {
  readonly errorCode: number
  readonly path: string
  readonly responseCode: number
}
