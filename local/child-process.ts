import { type ChildProcess, type Serializable, spawn } from 'node:child_process'
import { once } from 'node:events'
import { LocalError } from './local-error.ts'
import { projectDirectory } from './paths.ts'
import { findProgram } from './setup/command.ts'

/** A program that runs as long as the emulation does. */
export interface RunningProcess {
  readonly pid: number
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<string>
  /** Ends it, at the latest after 3 s by force. */
  stop(): Promise<void>
}

/**
 * Starts a server program in a process group of its own, so that Ctrl-C in the terminal reaches only us and everything stops in
 * order. Where the system can do it, the kernel ends the program when this process dies without a chance to.
 */
export function startServer(program: string, args: readonly string[], log: (line: string) => void): RunningProcess {
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined
  const [file = program, ...rest] =
    setpriv === undefined ? [program, ...args] : [setpriv, '--pdeathsig', 'TERM', program, ...args]
  return track(spawn(file, rest, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] }), log)
}

/** A module of ours that has said that it is ready, and what it said. */
export interface RunningModule extends RunningProcess {
  readonly ready: unknown
}

/**
 * Starts a TypeScript module of ours in a Node process and waits for its first message, which says that it is ready. The module
 * takes its settings, which hold secrets, with `receiveSettings`.
 *
 * @throws LocalError where it ends before that.
 */
export async function startModule(
  module: string,
  settings: unknown,
  log: (line: string) => void,
): Promise<RunningModule> {
  const args = ['--import', 'tsx', '--max-http-header-size=131072', module]
  const child = spawn(process.execPath, args, {
    cwd: projectDirectory,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const running = track(child, log)
  // Where it ended before it could listen, `ended` says so.
  child.send(settings as Serializable, () => {})
  const first = once(child, 'message').then(([message]) => ({ ...running, ready: message as unknown }))
  const ended = running.ended.then((why) => new LocalError(`${module} ended before it was ready (${why}).`))
  const result = await Promise.race([first, ended])
  if (result instanceof LocalError) throw result
  return result
}

function track(child: ChildProcess, log: (line: string) => void): RunningProcess {
  forwardLines(child, log)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `status ${code}`))
  })
  return {
    pid: child.pid ?? 0,
    ended,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), 3000)
      await ended
      clearTimeout(force)
    },
  }
}

function forwardLines(child: ChildProcess, log: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) log(line)
    })
  }
}
