import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { distributionId } from './backends.ts'
import { writeEdgeModules } from './edge/build.ts'
import { edgeConfig } from './edge/plan.ts'
import { devLoginPath } from './hosts/dev-login.ts'
import { overviewPath, stagePath } from './hosts/own-pages.ts'
import { nginxConfig } from './nginx/config.ts'
import type { NginxPlan } from './nginx/plan.ts'
import { cloudFrontFunctionCode } from './template/functions.ts'

/** Writes what nginx starts from, in a folder of this run only: its configuration, and the functions as njs modules. */
export async function writeRunDirectory(
  plan: NginxPlan,
  template: Parameters<typeof cloudFrontFunctionCode>[0],
  generationFile: string,
) {
  const { run, njs, keyValueStore } = plan.directories
  rmSync(run, { recursive: true, force: true })
  for (const folder of ['logs', 'temp']) mkdirSync(join(run, folder), { recursive: true })
  const config = edgeConfig(plan.distribution, {
    distributionId,
    keyGroupGenerationFile: generationFile,
    // Whoever could reach the sign-in could be anybody.
    ownPaths: plan.production === undefined ? [devLoginPath, overviewPath, stagePath] : [],
    unknowns: plan.unknowns,
  })
  await writeEdgeModules(njs, config, cloudFrontFunctionCode(template))
  writeFileSync(join(njs, 'key-value-store.json'), JSON.stringify({ directory: keyValueStore }))
  // It holds the secret of download links.
  writeFileSync(join(run, 'nginx.conf'), nginxConfig(plan), { mode: 0o600 })
}
