import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunningProcess, startServer } from '../child-process.ts'
import { LocalError } from '../local-error.ts'
import { type HeldPort, waitUntil } from '../ports.ts'
import { runCommand } from '../setup/command.ts'

/**
 * Starts nginx on `<directory>/nginx.conf`, which must name `<directory>/nginx.pid`, and waits until it listens. The port is let
 * go at the last moment. nginx writes its process id when it has all its sockets: that a connection is accepted would not tell
 * whose server accepted it.
 *
 * @throws LocalError with the end of the error log.
 */
export async function startNginx(
  program: string,
  directory: string,
  held: HeldPort,
  log: (line: string) => void,
): Promise<RunningProcess> {
  const errors = join(directory, 'logs', 'error.log')
  const args = ['-p', directory, '-e', errors, '-c', join(directory, 'nginx.conf')]
  await runCommand(program, [...args, '-t'])
  await held.release()
  const running = startServer(program, args, log)
  const written = async () => (await readFile(join(directory, 'nginx.pid'), 'utf8').catch(() => '')).trim()
  try {
    await waitUntil(async () => (await written()) === String(running.pid), 'nginx', running.ended)
  } catch (error) {
    throw new LocalError(
      `${(error as Error).message}\n${readFileSync(errors, 'utf8').split('\n').slice(-6).join('\n')}`,
    )
  }
  return running
}
