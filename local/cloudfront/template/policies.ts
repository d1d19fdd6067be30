import { UnsupportedConstructError } from '../../local-error.ts'
import { type Fields, resourceFields } from './fields.ts'
import { referencedId, type Template } from './intrinsics.ts'
import type { CorsPolicy, ForwardedValues, ResponseHeadersPolicy } from './model.ts'

type Values = ForwardedValues
const none: Values = { headers: [], host: false, cookies: 'none', querystrings: 'none' }

/**
 * The managed cache and origin request policies, by id.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
 */
const managed: Readonly<Record<string, Values>> = {
  // CachingOptimized, CachingOptimizedForUncompressedObjects, CachingDisabled
  '658327ea-f89d-4fab-a63d-7e88639e58f6': none,
  'b2884449-e4de-46a7-ac36-70bc7f1ddd6d': none,
  '4135ea2d-6df8-44a3-9df3-4b5a84be39ad': none,
  // UseOriginCacheControlHeaders, UseOriginCacheControlHeaders-QueryStrings
  '83da9c7e-98b4-4e11-a168-04f0df8e2c65': {
    headers: ['host', 'origin', 'x-http-method-override', 'x-http-method', 'x-method-override'],
    host: true,
    cookies: 'all',
    querystrings: 'none',
  },
  '4cc15a8a-d715-48a4-82b8-cc0b614638fe': {
    headers: ['host', 'origin', 'x-http-method-override', 'x-http-method', 'x-method-override'],
    host: true,
    cookies: 'all',
    querystrings: 'all',
  },
  // AllViewer, AllViewerExceptHostHeader, CORS-S3Origin, CORS-CustomOrigin, UserAgentRefererHeaders
  '216adef6-5c7f-47e4-b989-5492eafa07d3': { headers: 'all', host: true, cookies: 'all', querystrings: 'all' },
  'b689b0a8-53d0-40ab-baf2-68738e2966ac': { headers: 'all', host: false, cookies: 'all', querystrings: 'all' },
  '88a5eaf4-2fd4-4709-b370-b4c650ea3fcf': {
    ...none,
    headers: ['origin', 'access-control-request-headers', 'access-control-request-method'],
  },
  '59781a5b-3903-41f3-afcb-af62929ccde1': { ...none, headers: ['origin'] },
  'acba4595-bd28-49b8-b9fe-13317c0390fa': { ...none, headers: ['user-agent', 'referer'] },
}

/** Returns the parts of a request that a behaviour forwards: the union of its cache policy and its origin request policy. */
export function readForwardedValues(behaviour: Fields, template: Template): ForwardedValues {
  behaviour.refuse('ForwardedValues', 'use a cache policy and an origin request policy')
  const cache = readPolicy(behaviour.text('CachePolicyId'), 'cache', behaviour, template)
  const requestId = behaviour.optionalText('OriginRequestPolicyId')
  if (requestId === undefined) return cache
  return union(cache, readPolicy(requestId, 'request', behaviour, template), behaviour.place)
}

function readPolicy(id: string, kind: 'cache' | 'request', behaviour: Fields, template: Template): Values {
  const known = managed[id]
  if (known !== undefined) return known
  const type = kind === 'cache' ? 'AWS::CloudFront::CachePolicy' : 'AWS::CloudFront::OriginRequestPolicy'
  const logicalId = referencedId(id)
  if (logicalId === undefined) {
    throw new UnsupportedConstructError(behaviour.place, `the emulation does not know the managed policy ${id}`)
  }
  const resource = resourceFields(template, logicalId, type)
  if (kind === 'request') return readConfig(resource.fields('OriginRequestPolicyConfig'))
  const parameters = resource.fields('CachePolicyConfig').fields('ParametersInCacheKeyAndForwardedToOrigin')
  return readConfig(parameters)
}

function readConfig(config: Fields): Values {
  const headers = config.fields('HeadersConfig')
  const cookies = config.fields('CookiesConfig').choice('CookieBehavior', ['none', 'all'])
  const strings = config.fields('QueryStringsConfig')
  const behaviour = headers.choice('HeaderBehavior', ['none', 'whitelist', 'allViewer', 'allExcept'])
  const names = behaviour === 'none' || behaviour === 'allViewer' ? [] : headerNames(headers)
  if (behaviour === 'allExcept' && (names.length !== 1 || names[0] !== 'host')) {
    throw new UnsupportedConstructError(headers.place, 'the emulation knows allExcept only with Host')
  }
  return {
    headers: behaviour === 'allViewer' || behaviour === 'allExcept' ? 'all' : names,
    host: behaviour === 'allViewer' || (behaviour === 'whitelist' && names.includes('host')),
    cookies: cookies as 'none' | 'all',
    querystrings: readQueryStrings(strings),
  }
}

function headerNames(config: Fields): string[] {
  return config.textList('Headers').map((name) => name.toLowerCase())
}

function readQueryStrings(config: Fields): Values['querystrings'] {
  const behaviour = config.choice('QueryStringBehavior', ['none', 'all', 'whitelist', 'allExcept'])
  if (behaviour === 'none' || behaviour === 'all') return behaviour
  const names = config.textList('QueryStrings')
  return behaviour === 'whitelist' ? { only: names } : { except: names }
}

function union(a: Values, b: Values, place: string): Values {
  const querystrings = unionQueryStrings(a.querystrings, b.querystrings)
  if (querystrings === undefined) {
    throw new UnsupportedConstructError(place, 'two policies that both choose query strings by name')
  }
  return {
    headers: a.headers === 'all' || b.headers === 'all' ? 'all' : [...new Set([...a.headers, ...b.headers])],
    host: a.host || b.host,
    cookies: a.cookies === 'all' || b.cookies === 'all' ? 'all' : 'none',
    querystrings,
  }
}

function unionQueryStrings(a: Values['querystrings'], b: Values['querystrings']): Values['querystrings'] | undefined {
  if (a === 'all' || b === 'all') return 'all'
  if (a === 'none') return b
  return b === 'none' ? a : undefined
}

/** Returns the response headers policy of a behaviour, if it has one. */
export function readResponseHeadersPolicy(behaviour: Fields, template: Template): ResponseHeadersPolicy | undefined {
  const id = behaviour.optionalText('ResponseHeadersPolicyId')
  if (id === undefined) return undefined
  const logicalId = referencedId(id)
  if (logicalId === undefined) {
    throw new UnsupportedConstructError(behaviour.place, `the emulation does not know the managed policy ${id}`)
  }
  const config = resourceFields(template, logicalId, 'AWS::CloudFront::ResponseHeadersPolicy').fields(
    'ResponseHeadersPolicyConfig',
  )
  config.refuseAllBut([
    'Name',
    'Comment',
    'CorsConfig',
    'CustomHeadersConfig',
    'RemoveHeadersConfig',
    'SecurityHeadersConfig',
  ])
  return {
    cors: readCors(config.optionalFields('CorsConfig')),
    set: [
      ...readSecurityHeaders(config.optionalFields('SecurityHeadersConfig')),
      ...(config.optionalFields('CustomHeadersConfig')?.fieldsList('Items') ?? []).map(readCustomHeader),
    ],
    remove: (config.optionalFields('RemoveHeadersConfig')?.fieldsList('Items') ?? []).map((item) =>
      item.text('Header').toLowerCase(),
    ),
  }
}

function readCustomHeader(item: Fields): ResponseHeadersPolicy['set'][number] {
  return {
    name: item.text('Header').toLowerCase(),
    value: String(item.value('Value')),
    override: item.flag('Override'),
  }
}

function readCors(config: Fields | undefined): CorsPolicy | undefined {
  if (config === undefined) return undefined
  const items = (name: string) => config.optionalFields(name)?.textList('Items') ?? []
  return {
    credentials: config.flag('AccessControlAllowCredentials'),
    origins: items('AccessControlAllowOrigins'),
    methods: items('AccessControlAllowMethods'),
    headers: items('AccessControlAllowHeaders'),
    exposeHeaders: items('AccessControlExposeHeaders'),
    maxAge: config.has('AccessControlMaxAgeSec') ? config.number('AccessControlMaxAgeSec') : undefined,
    override: config.flag('OriginOverride'),
  }
}

type SetHeader = ResponseHeadersPolicy['set'][number]

/** The response header that CloudFront sends for each security header of a policy. */
const securityHeaders: Readonly<Record<string, (config: Fields) => Omit<SetHeader, 'override'>>> = {
  ContentSecurityPolicy: (c) => ({
    name: 'content-security-policy',
    // The bucket has no host name of its own on this machine.
    value: c.text('ContentSecurityPolicy').replace(/ https:\/\/\$\{[^}]+\}/g, ''),
  }),
  ContentTypeOptions: () => ({ name: 'x-content-type-options', value: 'nosniff' }),
  FrameOptions: (c) => ({ name: 'x-frame-options', value: c.text('FrameOption') }),
  ReferrerPolicy: (c) => ({ name: 'referrer-policy', value: c.text('ReferrerPolicy') }),
  XSSProtection: (c) => ({
    name: 'x-xss-protection',
    value: c.flag('Protection') ? (c.flag('ModeBlock') ? '1; mode=block' : '1') : '0',
  }),
}

function readSecurityHeaders(config: Fields | undefined): SetHeader[] {
  if (config === undefined) return []
  // `StrictTransportSecurity` is ignored. On `localhost` it would disable plain HTTP on all other ports. The single server's
  // listener sends it with every response.
  config.refuseAllBut([...Object.keys(securityHeaders), 'StrictTransportSecurity'])
  return Object.entries(securityHeaders).flatMap(([name, read]) => {
    const header = config.optionalFields(name)
    return header === undefined ? [] : [{ ...read(header), override: header.flag('Override') }]
  })
}
