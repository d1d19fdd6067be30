import { join } from 'node:path'
import { UnsupportedConstructError } from '../local-error.ts'
import { pseudoParameters, referencedId, type Template } from './intrinsics.ts'
import { resourceFields, resourcesOfType } from './resources.ts'

/** The deployed code of each CloudFront Function, by logical id. */
export function cloudFrontFunctionCode(template: Template): Record<string, string> {
  return Object.fromEntries(
    resourcesOfType(template, 'AWS::CloudFront::Function').map((logicalId) => {
      // The code is not resolved: what looks like a reference in it is JavaScript.
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

/** The ARN of the one KeyValueStore; its client takes the account from it. */
export const keyValueStoreArn = `arn:aws:cloudfront::${pseudoParameters['AWS::AccountId']}:key-value-store/00000000-0000-0000-0000-000000000000`

/** Where a Lambda function's bundle is, and the name of its handler. */
export interface LambdaBundle {
  readonly file: string
  readonly exportName: string
}

/** The bundle that the function's `Handler` names: `dist/session/index.handler`, in the package's folder. */
export function lambdaBundle(template: Template, logicalId: string, packageDirectory: string): LambdaBundle {
  const handler = resourceFields(template, logicalId, 'AWS::Lambda::Function').text('Handler')
  const dot = handler.lastIndexOf('.')
  return { file: join(packageDirectory, `${handler.slice(0, dot)}.cjs`), exportName: handler.slice(dot + 1) }
}

/** The environment that the template gives a regional function; a bucket's `Ref` is its name, a KeyValueStore's ARN is one. */
export function lambdaEnvironment(template: Template, logicalId: string): Record<string, string> {
  const variables = resourceFields(template, logicalId, 'AWS::Lambda::Function')
    .optionalFields('Environment')
    ?.fields('Variables')
  if (variables === undefined) return {}
  return Object.fromEntries(
    variables.names().map((name) => {
      const value = String(variables.value(name))
      const id = referencedId(value)
      const type = id === undefined ? undefined : template.Resources[id]?.Type
      if (id !== undefined && type === 'AWS::S3::Bucket') {
        return [name, resourceFields(template, id, type).optionalText('BucketName') ?? value]
      }
      if (type === 'AWS::CloudFront::KeyValueStore' && value.endsWith('.Arn}')) return [name, keyValueStoreArn]
      return [name, value]
    }),
  )
}

/** An HTTP API whose routes all lead to one function. */
export interface HttpApi {
  readonly functionId: string
  readonly routes: readonly string[]
}

/** The function behind an HTTP API, and the routes that lead to it. */
export function httpApi(template: Template, apiId: string): HttpApi {
  const integrations = resourcesOfType(template, 'AWS::ApiGatewayV2::Integration')
  const functions = new Set(
    integrations.map((id) =>
      referencedId(resourceFields(template, id, 'AWS::ApiGatewayV2::Integration').text('IntegrationUri')),
    ),
  )
  const [functionId] = functions
  if (functions.size !== 1 || functionId === undefined) {
    throw new UnsupportedConstructError(apiId, 'the emulation runs one function behind an HTTP API')
  }
  const routes = resourcesOfType(template, 'AWS::ApiGatewayV2::Route').map((id) =>
    resourceFields(template, id, 'AWS::ApiGatewayV2::Route').text('RouteKey'),
  )
  return { functionId, routes }
}
