import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { projectDirectory } from '../../local/paths.ts'
import { holdPort } from '../../local/process/ports.ts'
import { prepareCertificate } from '../../local/setup/certificate.ts'
import { type Answer, type Send, send } from '../support/http-client.ts'
import { createSessionMaker, type SessionMaker } from '../support/session-maker.ts'
import type { Address } from './keep-alive.ts'

/** `edge-signer serve` as its unit file starts it, and its processes as the system sees them. */
export interface SingleServer {
  readonly address: Address
  /** As in the `Host` header. */
  readonly host: string
  readonly content: string
  readonly state: string
  /** Of the process that systemd would watch. */
  pid(): number
  /** Every process of the server, the watched one first. */
  processes(): ServerProcess[]
  sessions(): SessionMaker
  /** One request on a connection of its own; the name is that of the certificate, the address this machine. */
  send(options: Send): Promise<Answer>
  stop(): Promise<void>
}

/** A process of a server. */
export interface ServerProcess {
  readonly pid: number
  /** `nginx master`, `nginx worker`, `api`, `lambda`, `uploads`, `main`. */
  readonly role: string
}

export interface SingleServerOptions {
  /** The folder of everything that the server has; `content` and `uploads` may lie elsewhere. */
  readonly directory: string
  readonly content?: string
  readonly uploads?: string
  readonly tusd?: boolean
  /** Starts the server again whenever it ends by itself, as systemd's `Restart=always` does. */
  readonly keep?: boolean
  readonly log?: (line: string) => void
}

const name = 'cdn.example.test'

/** Starts it on a free port, with the stage `local` and the certificate of a test. */
export async function startSingleServer(options: SingleServerOptions): Promise<SingleServer> {
  const { directory, keep = false, log = () => {} } = options
  const content = options.content ?? join(directory, 'content')
  const state = join(directory, 'state')
  mkdirSync(content, { recursive: true })
  await prepareCertificate(join(directory, 'tls'))
  const held = await holdPort(0, true)
  await held.release()
  const { port } = held
  const flags = Object.entries({
    host: name,
    certificate: join(directory, 'tls/tls.crt'),
    key: join(directory, 'tls/tls.key'),
    stage: 'local',
    port: String(port),
    content,
    state,
    logs: join(directory, 'logs'),
    ...(options.uploads === undefined ? {} : { uploads: options.uploads }),
  }).flatMap(([flag, value]) => [`--${flag}`, value])
  const program = [join(projectDirectory, 'server/main.ts'), 'serve']
  const args = [...program, ...flags, options.tusd === true ? '--tusd' : '--no-tusd']
  let child: ChildProcess
  let isStopping = false
  // Every process that was ever seen, with the time of its start: an id alone may be another's by now.
  const seen = new Map<number, string>()
  const processes = (): ServerProcess[] => {
    const found = processTree(child.pid ?? 0)
    for (const pid of found) seen.set(pid, startOf(pid))
    return found.map((pid) => ({ pid, role: roleOf(pid) }))
  }
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = once(child, 'exit')
    if (keep) void ended.then(restart)
    await readyLine(child)
    processes()
  }
  const restart = async (): Promise<void> => {
    while (!isStopping) {
      await delay(1000)
      if (isStopping) return
      try {
        return await start()
      } catch (error) {
        // The next start follows from the end of the process that failed.
        log(error instanceof Error ? error.message : String(error))
        return
      }
    }
  }
  await start()
  return {
    address: { port, tlsName: name },
    host: `${name}:${port}`,
    content,
    state,
    pid: () => child.pid ?? 0,
    processes,
    sessions: () => {
      const { sessionSecret } = JSON.parse(readFileSync(join(state, 'secret.json'), 'utf8')) as {
        sessionSecret: string
      }
      return createSessionMaker({ secret: sessionSecret, issuer: 'edge-signer-local', audience: 'edge-signer' })
    },
    send: (request) => send(`https://${name}:${port}`, { connectTo: '127.0.0.1', ...request }),
    stop: async () => {
      isStopping = true
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit')
        child.kill('SIGTERM')
        await gone
      }
      // What a killed process has left behind and no start has taken over.
      for (const [pid, start] of seen) if (start !== '' && startOf(pid) === start) process.kill(pid, 'SIGKILL')
    },
  }
}

/** Resolves at the line `ready …`; rejects with what the process said where it ends before. */
export function readyLine(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        said = (said + String(chunk)).slice(-10_000)
        if (/^ready /m.test(said)) resolve()
      })
    }
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)))
  })
}

/** A process and everything that it has started. */
function processTree(root: number): number[] {
  const parents = new Map<number, number[]>()
  for (const entry of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    const parent = Number(readOf(`/proc/${entry}/stat`).split(') ').at(-1)?.split(' ')[1] ?? 0)
    parents.set(parent, [...(parents.get(parent) ?? []), Number(entry)])
  }
  const found = [root]
  for (const pid of found) found.push(...(parents.get(pid) ?? []))
  return found
}

/** The time at which a process started, in ticks; empty where there is none of that id. */
function startOf(pid: number): string {
  return readOf(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[19] ?? ''
}

function roleOf(pid: number): string {
  const command = readOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
  const known: [string, string][] = [
    ['nginx: master', 'nginx master'],
    ['nginx: worker', 'nginx worker'],
    ['nginx: cache loader', 'nginx cache loader'],
    ['nginx: cache manager', 'nginx cache manager'],
    ['api-process', 'api'],
    ['lambda/process', 'lambda'],
    ['embedded-process', 'uploads'],
    ['main.ts serve', 'main'],
    ['esbuild', 'esbuild'],
    ['tusd', 'uploads'],
  ]
  return known.find(([part]) => command.includes(part))?.[1] ?? command.slice(0, 60)
}

/** Resident memory in MiB. */
export function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readOf(`/proc/${pid}/status`))?.[1] ?? 0) / 1024
}

/** Open descriptors. */
export function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((fd) => isOpen(`/proc/${pid}/fd/${fd}`)).length
  } catch {
    return 0
  }
}

function isOpen(link: string): boolean {
  try {
    readlinkSync(link)
    return true
  } catch {
    return false
  }
}

/** Empty where the process has just ended. */
function readOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
