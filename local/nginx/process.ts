import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LocalError } from '../local-error.ts'
import { type RunningProcess, startServer } from '../process/child-process.ts'
import { type HeldPort, waitUntil } from '../process/ports.ts'
import { runCommand } from '../setup/command.ts'
import { redactErrorLine } from './error-log.ts'
import { killProcesses } from './leftovers.ts'

/** The error log of an nginx process. */
export interface NginxLog {
  /** Receives its lines, without tokens. */
  readonly logError: (line: string) => void
  /** Returns a path in the form in which logs contain it. */
  readonly loggedPath: (path: string) => string
}

/**
 * Starts nginx with `<directory>/nginx.conf`, which must name `<directory>/nginx.pid` and log errors to `stderr`, and waits until it
 * listens. nginx writes its process id once it has all its sockets. To connect would not prove as much: another server could have
 * accepted the connection. The port is released at the last moment.
 *
 * @throws LocalError with the last lines of the error log.
 */
export async function startNginx(
  program: string,
  directory: string,
  held: HeldPort,
  { logError, loggedPath }: NginxLog,
): Promise<RunningProcess> {
  const args = ['-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')]
  await runCommand(program, [...args, '-t'])
  await held.release()
  const lastLines: string[] = []
  const running = startServer(
    program,
    args,
    (line) => {
      const redacted = redactErrorLine(line, loggedPath)
      lastLines.push(redacted)
      if (lastLines.length > 6) lastLines.shift()
      logError(redacted)
    },
    // The working directory marks nginx's processes as those of this folder (leftovers.ts).
    directory,
  )
  // Workers outlive a master that was killed, and keep the port.
  const ended = running.ended.then(async (why) => {
    await killProcesses(directory)
    await running.closed
    return why
  })
  const written = async () => (await readFile(join(directory, 'nginx.pid'), 'utf8').catch(() => '')).trim()
  try {
    await waitUntil(async () => (await written()) === String(running.pid), 'nginx', ended)
  } catch (error) {
    throw new LocalError([(error as Error).message, ...lastLines].join('\n'))
  }
  return {
    ...running,
    ended,
    async stop() {
      await running.stop()
      await ended
    },
  }
}
