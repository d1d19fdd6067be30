import { fileURLToPath } from 'node:url'
import { guardFunctionConfig } from '../../../../functions/guard/config.ts'
import { buildCloudFrontFunction } from '../../../../infra/build/cloudfront-function.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../../shared/config/stage-config.ts'

const session = { algorithms: ['HS256' as const], issuer: null, audience: null }

/** Builds the guard as it is deployed, for a stage with these settings. */
export async function buildGuard(settings: Partial<StageConfigInput> = {}): Promise<string> {
  const deployment = parseDeployment(
    {
      service: 'edge-signer',
      defaults: {
        session,
        grants: ['/users/{sub}/*', '/teams/{claims.team}/*'],
        allowedOrigins: ['https://app.example.com', 'http://localhost:*'],
      },
      stages: { test: settings },
    },
    'test',
  )
  return buildCloudFrontFunction({
    entry: fileURLToPath(new URL('../../../../functions/guard/handler.ts', import.meta.url)),
    config: guardFunctionConfig(deployment),
  })
}
