import type { Deployment } from '../shared/config/parse.ts'
import { ids, resourceName } from './names.ts'
import { type Fragment, getAtt, type Resource } from './template.ts'

/** The bundled source of each CloudFront Function. */
export interface CloudFrontFunctionCode {
  readonly guard: string
  readonly headers: string
  readonly notFound: string
}

/** The CloudFront Functions; only the guard reads the KeyValueStore (one store for each function is the most). */
export function cloudFrontFunctionsFragment(deployment: Deployment, code: CloudFrontFunctionCode): Fragment {
  const { appOrigin, attach } = deployment.config
  return {
    Resources: {
      [ids.guard]: cloudFrontFunction(deployment, 'guard', code.guard, {
        KeyValueStoreAssociations: [{ KeyValueStoreARN: getAtt(ids.keyValueStore, 'Arn') }],
      }),
      [ids.headers]: cloudFrontFunction(deployment, 'headers', code.headers),
      ...(appOrigin !== null || attach
        ? {}
        : { [ids.notFound]: cloudFrontFunction(deployment, 'not-found', code.notFound) }),
    },
  }
}

function cloudFrontFunction(
  deployment: Deployment,
  part: string,
  code: string,
  settings: Record<string, unknown> = {},
): Resource {
  const name = resourceName(deployment, part)
  return {
    Type: 'AWS::CloudFront::Function',
    Properties: {
      Name: name,
      AutoPublish: true,
      FunctionCode: code,
      FunctionConfig: { Comment: name, Runtime: 'cloudfront-js-2.0', ...settings },
    },
  }
}
