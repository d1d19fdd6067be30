import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../exit-codes.ts'

/**
 * Runs the single-server mode as a process of its own until it ends; arguments and signals are handed over. It stays in the
 * caller's folder, which relative paths among the arguments start from. Its exit status.
 */
export async function serve(args: readonly string[]): Promise<number> {
  const program = fileURLToPath(new URL('../../local/main.ts', import.meta.url))
  const command = ['--import', import.meta.resolve('tsx'), program, 'serve', ...args]
  const child = spawn(process.execPath, command, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  const [status] = (await once(child, 'exit')) as [number | null]
  return status === 0 ? exitCodes.granted : exitCodes.refused
}
