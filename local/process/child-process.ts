import { type ChildProcess, type Serializable, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { LocalError } from '../local-error.ts'
import { projectDirectory } from '../paths.ts'
import { findProgram } from '../setup/command.ts'

/** A program that runs for as long as this process does. */
export interface RunningProcess {
  readonly pid: number
  /** Resolves with the reason when it has ended. */
  readonly ended: Promise<string>
  /** Ends it, by force after 3 s. */
  stop(): Promise<void>
}

/** A server program. */
export interface RunningServer extends RunningProcess {
  /** Resolves when its last line was logged. That is later than `ended` if a child of it still runs. */
  readonly closed: Promise<void>
}

/**
 * Starts a server program.
 *
 * @param log receives the lines that it prints.
 * @param cwd its working directory; default: that of this process.
 */
export function startServer(
  program: string,
  args: readonly string[],
  log: (line: string) => void,
  cwd?: string,
): RunningServer {
  const options = { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) } satisfies SpawnOptions
  return track(spawnApart(program, args, 'TERM', options), log)
}

/** A module that is ready, with the message that it sent. */
export interface RunningModule extends RunningProcess {
  readonly ready: unknown
}

/**
 * Starts a TypeScript module in a Node process and waits for its first message, which means that it is ready. The settings contain
 * secrets, so they are not arguments, which every user of the machine can read. The module gets them from `receiveSettings`.
 *
 * @throws LocalError if the module ends before it is ready.
 */
export async function startModule(
  module: string,
  settings: unknown,
  log: (line: string) => void,
): Promise<RunningModule> {
  const args = ['--max-http-header-size=131072', module]
  // The module ends when the channel closes, but in an endless loop it would never notice. Hence SIGKILL.
  const child = spawnApart(process.execPath, args, 'KILL', {
    cwd: projectDirectory,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const running = track(child, log)
  // An error here means that the module has ended, which `ended` reports.
  child.send(settings as Serializable, () => {})
  const first = once(child, 'message').then(([message]) => ({ ...running, ready: message as unknown }))
  const ended = running.ended.then((why) => new LocalError(`${module} ended before it was ready (${why}).`))
  const result = await Promise.race([first, ended])
  if (result instanceof LocalError) throw result
  return result
}

/**
 * Returns the settings that `startModule` started this process with. From then on, this process ends when its parent does.
 */
export async function receiveSettings<Settings>(): Promise<Settings> {
  process.on('disconnect', () => process.exit(0))
  const [settings] = await once(process, 'message')
  return settings as Settings
}

/** Tells the parent that this process serves, with a message for it. */
export function tellReady(message: unknown = 'ready'): void {
  process.send?.(message)
}

/**
 * Starts a program in its own session, so that Ctrl-C and the end of the terminal reach only this process, which stops everything in
 * order. On Linux the kernel also sends `signal` to the program if this process is killed.
 */
function spawnApart(
  program: string,
  args: readonly string[],
  signal: 'TERM' | 'KILL',
  options: SpawnOptions,
): ChildProcess {
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined
  const [file = program, ...rest] =
    setpriv === undefined ? [program, ...args] : [setpriv, '--pdeathsig', signal, program, ...args]
  return spawn(file, rest, { ...options, detached: true })
}

function track(child: ChildProcess, log: (line: string) => void): RunningServer {
  forwardLines(child, log)
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `status ${code}`))
  })
  return {
    pid: child.pid ?? 0,
    ended: exited,
    closed: new Promise((resolve) => void child.once('close', () => resolve())),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), 3000)
      await exited
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
