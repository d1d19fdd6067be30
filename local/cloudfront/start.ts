import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { socketBacklog } from '../process/ports.ts'
import { type EdgeConfig, edgeConfig } from './edge-config.ts'
import { nginxConfig } from './nginx.ts'
import { writeEdgeModules } from './njs-modules.ts'
import type { NginxPlan } from './plan.ts'
import { createSignatureVerifier, type KeyGroupFiles } from './signature-verifier.ts'
import { cloudFrontFunctionCode } from './template/distribution.ts'
import type { Template } from './template/intrinsics.ts'

/** Starts the server that nginx asks about signatures. */
export async function startVerifier(keyGroup: KeyGroupFiles, socket: string): Promise<Server> {
  const server = createSignatureVerifier(keyGroup).listen({ path: socket, backlog: socketBacklog })
  await once(server, 'listening')
  return server
}

/**
 * Writes the folder that nginx starts from and that exists only while it runs: the configuration, and the edge and the packaged
 * CloudFront Functions as njs modules.
 */
export async function writeRunDirectory(
  plan: NginxPlan,
  template: Template,
  edge: Omit<EdgeConfig, 'behaviours' | 'errorPages' | 'unknowns'>,
): Promise<void> {
  const { run, njs, keyValueStore } = plan.directories
  rmSync(run, { recursive: true, force: true })
  for (const folder of ['logs', 'temp']) mkdirSync(join(run, folder), { recursive: true })
  const config = edgeConfig(plan.distribution, { ...edge, unknowns: plan.unknowns })
  await writeEdgeModules(njs, config, cloudFrontFunctionCode(template), plan.additions)
  writeFileSync(join(njs, 'key-value-store.json'), JSON.stringify({ directory: keyValueStore }))
  writeFileSync(join(run, 'nginx.conf'), nginxConfig(plan), { mode: 0o600 })
}
