import { UnsupportedConstructError } from '../local-error.ts'
import type { Fields } from './fields.ts'
import { referencedId, type Template } from './intrinsics.ts'
import type { CorsPolicy, ResponseHeadersPolicy } from './model.ts'
import { resourceFields } from './resources.ts'

/** The response headers policy of a behaviour; `undefined` where it has none. */
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

/** Each security header of a policy, as the header that CloudFront sends for it. */
const securityHeaders: Readonly<Record<string, (config: Fields) => Omit<SetHeader, 'override'>>> = {
  ContentSecurityPolicy: (c) => ({ name: 'content-security-policy', value: c.text('ContentSecurityPolicy') }),
  ContentTypeOptions: () => ({ name: 'x-content-type-options', value: 'nosniff' }),
  FrameOptions: (c) => ({ name: 'x-frame-options', value: c.text('FrameOption') }),
  ReferrerPolicy: (c) => ({ name: 'referrer-policy', value: c.text('ReferrerPolicy') }),
  StrictTransportSecurity: (c) => ({
    name: 'strict-transport-security',
    value: [
      `max-age=${c.number('AccessControlMaxAgeSec')}`,
      ...(c.flag('IncludeSubdomains') ? ['includeSubDomains'] : []),
      ...(c.flag('Preload') ? ['preload'] : []),
    ].join('; '),
  }),
  XSSProtection: (c) => ({
    name: 'x-xss-protection',
    value: c.flag('Protection') ? (c.flag('ModeBlock') ? '1; mode=block' : '1') : '0',
  }),
}

function readSecurityHeaders(config: Fields | undefined): SetHeader[] {
  if (config === undefined) return []
  config.refuseAllBut(Object.keys(securityHeaders))
  return Object.entries(securityHeaders).flatMap(([name, read]) => {
    const header = config.optionalFields(name)
    return header === undefined ? [] : [{ ...read(header), override: header.flag('Override') }]
  })
}
