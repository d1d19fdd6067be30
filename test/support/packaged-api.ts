import { join } from 'node:path'
import { httpApi } from '../../local/api-gateway/host.ts'
import { localAws } from '../../local/aws/network.ts'
import { resourceFields } from '../../local/cloudfront/template/fields.ts'
import { referencedId, type Template } from '../../local/cloudfront/template/intrinsics.ts'
import { lambdaBundle } from '../../local/lambda/bundle.ts'
import { projectDirectory } from '../../local/paths.ts'
import { type RunningProcess, startModule } from '../../local/process/child-process.ts'
import { together } from '../../local/process/shutdown.ts'
import type { Stage } from '../../local/stage.ts'
import type { Extension } from '../../local/start.ts'
import { keyValueStoreArn } from './aws/key-value-store.ts'
import type { HttpApiProcess } from './http-api-process.ts'

/** Runs the regional functions of a package as they are deployed, over doubles of AWS. */
export const packagedApi: Extension = {
  tokenPaths: [],
  async start({ stage }) {
    const hosts = together(await startApiHosts(stage))
    return { nginx: [], declaredTypes: undefined, description: [], stop: () => hosts.stop() }
  },
}

/** Starts a process for each HTTP API that the distribution has as an origin. It runs the packaged function. */
function startApiHosts(stage: Stage): Promise<RunningProcess[]> {
  return Promise.all(
    stage.distribution.origins.flatMap((origin) => {
      if (origin.kind !== 'http-api') return []
      const { template, directory } = stage.packaged
      const api = httpApi(template, origin.apiId)
      const bundle = lambdaBundle(template, api.functionId, directory)
      const settings: HttpApiProcess = {
        bundle: bundle.file,
        exportName: bundle.exportName,
        socket: (stage.sockets.origins[origin.id] ?? '').replace(/^unix:/, ''),
        apiId: origin.apiId,
        routes: api.routes,
        environment: lambdaEnvironment(template, api.functionId),
        aws: localAws(stage),
        awsSocket: join(stage.socketDirectory, `aws-${origin.id}.sock`),
        revocations: { content: stage.content, state: stage.state, propagationDelay: stage.propagationDelay },
      }
      return [startModule(join(projectDirectory, 'test/support/http-api-process.ts'), settings, stage.log)]
    }),
  )
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
