#!/usr/bin/env node
// Starts the command. Plain JavaScript: a Node that is too old for TypeScript gets this far, and hands over to a fetched one.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchedNode, isSupportedNode, oldestNode } from '../infra/node.mjs'

const args = process.argv.slice(2)
if (args[0] === 'serve') {
  await import('../local/bootstrap.mjs')
} else if (isSupportedNode(process.versions.node)) {
  const { main } = await import('./main.ts')
  process.exitCode = await main(args)
} else {
  const program = fetchedNode(join(fileURLToPath(import.meta.url), '../..'))
  if (program === undefined) {
    console.error(
      `edge-signer needs Node ${oldestNode} or newer; this is ${process.versions.node}. Run npm run setup, which fetches one.`,
    )
    process.exit(1)
  }
  const { status } = spawnSync(program, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' })
  process.exitCode = status ?? 1
}
