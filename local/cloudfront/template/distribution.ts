import { UnsupportedConstructError } from '../../local-error.ts'
import { type Fields, resourceFields, resourcesOfType } from './fields.ts'
import { referencedId, type Template } from './intrinsics.ts'
import type { Behaviour, Distribution, ErrorPage, FunctionAssociation, Origin } from './model.ts'
import { readForwardedValues, readResponseHeadersPolicy } from './policies.ts'

/** Properties of a behaviour that the emulation supports, or that have no effect on a local client. */
const behaviourProperties = [
  'AllowedMethods',
  'CachedMethods',
  'CachePolicyId',
  'Compress',
  'ForwardedValues',
  'FunctionAssociations',
  'LambdaFunctionAssociations',
  'OriginRequestPolicyId',
  'PathPattern',
  'ResponseHeadersPolicyId',
  'TargetOriginId',
  'TrustedKeyGroups',
  'ViewerProtocolPolicy',
]

/**
 * Reads the only distribution of a packaged template.
 *
 * @throws UnsupportedConstructError naming the place of a construct that the emulation does not support.
 */
export function readDistribution(template: Template): Distribution {
  const [logicalId, second] = resourcesOfType(template, 'AWS::CloudFront::Distribution')
  if (logicalId === undefined) throw new UnsupportedConstructError('Resources', 'the template has no distribution')
  if (second !== undefined) throw new UnsupportedConstructError(second, 'the emulation runs one distribution')
  const config = resourceFields(template, logicalId, 'AWS::CloudFront::Distribution').fields('DistributionConfig')
  for (const name of [
    'OriginGroups',
    'Restrictions',
    'DefaultRootObject',
    'WebACLId',
    'CNAMEs',
    'S3Origin',
    'CustomOrigin',
  ]) {
    config.refuse(name, 'the emulation cannot honour it')
  }
  const origins = config.fieldsList('Origins').map((origin) => readOrigin(origin, template))
  const listed = config.fieldsList('CacheBehaviors')
  const behaviours = [...listed, config.fields('DefaultCacheBehavior')].map((fields, index) =>
    readBehaviour(fields, index, origins, template),
  )
  requireOneKeyGroup([...listed, config.fields('DefaultCacheBehavior')])
  return {
    logicalId,
    behaviours,
    origins,
    errorPages: config.fieldsList('CustomErrorResponses').flatMap(readErrorPage),
    ipv6: !config.has('IPV6Enabled') || config.flag('IPV6Enabled'),
  }
}

function readBehaviour(fields: Fields, index: number, origins: readonly Origin[], template: Template): Behaviour {
  fields.refuseAllBut(behaviourProperties)
  const originId = fields.text('TargetOriginId')
  const origin = origins.find(({ id }) => id === originId)
  if (origin === undefined) throw new UnsupportedConstructError(`${fields.place}.TargetOriginId`, 'names no origin')
  return {
    index,
    pathPattern: fields.optionalText('PathPattern') ?? '*',
    origin,
    allowedMethods: fields.has('AllowedMethods') ? fields.textList('AllowedMethods') : ['GET', 'HEAD'],
    signed: fields.textList('TrustedKeyGroups').length > 0,
    ...readAssociations(fields, template),
    forward: readForwardedValues(fields, template),
    responseHeaders: readResponseHeadersPolicy(fields, template),
  }
}

function readAssociations(fields: Fields, template: Template): Pick<Behaviour, 'viewerRequest' | 'viewerResponse'> {
  const found: { [event: string]: FunctionAssociation } = {}
  const functions = fields.fieldsList('FunctionAssociations')
  const lambdas = fields.fieldsList('LambdaFunctionAssociations')
  if (functions.length > 0 && lambdas.length > 0) {
    throw new UnsupportedConstructError(fields.place, 'CloudFront refuses both kinds of function on one behaviour')
  }
  for (const association of [...functions, ...lambdas]) {
    const event = association.choice('EventType', ['viewer-request', 'viewer-response'])
    if (found[event] !== undefined) throw new UnsupportedConstructError(association.place, `a second ${event} function`)
    found[event] = association.has('FunctionARN')
      ? readFunction(association, template)
      : readEdgeLambda(association, event, template)
  }
  return { viewerRequest: found['viewer-request'], viewerResponse: found['viewer-response'] }
}

function readFunction(association: Fields, template: Template): FunctionAssociation {
  const logicalId = referencedId(association.text('FunctionARN')) ?? ''
  resourceFields(template, logicalId, 'AWS::CloudFront::Function')
  return { kind: 'cloudfront-function', logicalId }
}

/** The association refers to a version, which refers to the function. */
function readEdgeLambda(association: Fields, event: string, template: Template): FunctionAssociation {
  if (event !== 'viewer-request') {
    throw new UnsupportedConstructError(association.place, 'the emulation runs Lambda@Edge on viewer-request only')
  }
  const versionId = referencedId(association.text('LambdaFunctionARN')) ?? ''
  const version = resourceFields(template, versionId, 'AWS::Lambda::Version')
  const logicalId = referencedId(version.text('FunctionName')) ?? ''
  resourceFields(template, logicalId, 'AWS::Lambda::Function')
  return { kind: 'lambda-edge', logicalId, includeBody: association.flag('IncludeBody') }
}

function readOrigin(fields: Fields, template: Template): Origin {
  for (const name of ['OriginCustomHeaders', 'VpcOriginConfig']) fields.refuse(name, 'the emulation cannot honour it')
  const id = fields.text('Id')
  const path = fields.has('OriginPath') ? String(fields.value('OriginPath')) : ''
  const domainName = fields.text('DomainName')
  // `${Api}.execute-api.<region>.amazonaws.com`, with its intrinsic functions resolved.
  const apiId = /^\$\{([A-Za-z0-9]+)\}\.execute-api\./.exec(domainName)?.[1]
  if (apiId !== undefined) {
    resourceFields(template, apiId, 'AWS::ApiGatewayV2::Api')
    return { kind: 'http-api', id, path, apiId }
  }
  const bucketId = referencedId(domainName)
  if (bucketId !== undefined) {
    resourceFields(template, bucketId, 'AWS::S3::Bucket')
    return { kind: 'bucket', id, path }
  }
  if (/^[^.]+\.s3[.-][a-z0-9-]*\.?amazonaws\.com$/.test(domainName)) return { kind: 'bucket', id, path }
  return { kind: 'custom', id, path, domainName }
}

function readErrorPage(fields: Fields): ErrorPage[] {
  const errorCode = fields.number('ErrorCode')
  // An entry without a page only sets how long CloudFront caches the error.
  if (!fields.has('ResponsePagePath')) return []
  return [{ errorCode, path: fields.text('ResponsePagePath'), responseCode: fields.number('ResponseCode') }]
}

/** The emulation has one key group, so it cannot distinguish two groups with different keys. */
function requireOneKeyGroup(behaviours: readonly Fields[]): void {
  const groups = new Set(behaviours.flatMap((fields) => fields.textList('TrustedKeyGroups')))
  if (groups.size > 1) throw new UnsupportedConstructError('DistributionConfig', 'the emulation has one key group')
}

/** Returns the deployed code of each CloudFront Function, by logical id. */
export function cloudFrontFunctionCode(template: Template): Record<string, string> {
  return Object.fromEntries(
    resourcesOfType(template, 'AWS::CloudFront::Function').map((logicalId) => {
      // Intrinsic functions are not resolved: `${…}` in the code is JavaScript.
      const properties = template.Resources[logicalId]?.Properties ?? {}
      const runtime = (properties.FunctionConfig as { Runtime?: unknown } | undefined)?.Runtime
      if (runtime !== 'cloudfront-js-2.0') {
        throw new UnsupportedConstructError(
          `${logicalId}.FunctionConfig.Runtime`,
          'the emulation runs cloudfront-js-2.0',
        )
      }
      const code = properties.FunctionCode
      if (typeof code !== 'string') throw new UnsupportedConstructError(`${logicalId}.FunctionCode`, 'must be text')
      return [logicalId, code]
    }),
  )
}
