import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ParamSources } from '../../infra/deployment-params.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { type Check, fail, pass } from './check.ts'

/** What is looked at for every stage: Node, the configuration, and whether it can be packaged. */
export function commonChecks({ stage, config }: Deployment, sources: ParamSources): readonly Check[] {
  return [
    {
      name: 'node',
      async look() {
        const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
        const isNew = major > 20 || (major === 20 && minor >= 19)
        return isNew
          ? pass(`Node ${process.versions.node}`)
          : fail(`Node ${process.versions.node} is too old`, 'install Node 20.19 or newer')
      },
    },
    {
      name: 'configuration',
      async look() {
        return pass(`${config.enforcement}, bootstrap ${config.bootstrap}, ${config.grants.join(' ')}`)
      },
    },
    {
      name: 'template',
      async look() {
        const { packageStage } = await import('../../infra/package-stage.ts')
        const folder = await mkdtemp(join(tmpdir(), 'edge-signer-doctor-'))
        try {
          const { Resources } = await packageStage(stage, sources, folder)
          return pass(`${Object.keys(Resources).length} resources, every function bundles`)
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      },
    },
  ]
}
