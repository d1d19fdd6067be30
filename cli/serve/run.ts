import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../exit-codes.ts'

/** Runs the single-server mode as a process of its own until it ends; arguments and signals are handed over. Its exit status. */
export async function serve(args: readonly string[]): Promise<number> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/main.ts', 'serve', ...args], {
    cwd: root,
    stdio: 'inherit',
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  const [status] = (await once(child, 'exit')) as [number | null]
  return status === 0 ? exitCodes.granted : exitCodes.refused
}
