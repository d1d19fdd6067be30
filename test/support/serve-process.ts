import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { holdPort } from '../../local/process/ports.ts'
import { prepareCertificate } from '../../local/setup/certificate.ts'
import { type Answer, type Send, send } from './http-client.ts'
import { createSessionMaker, type SessionMaker } from './session-maker.ts'

/** The name that the single server of a test answers to; its certificate is for it. */
export const serveHost = 'cdn.example.test'

/** `edge-signer serve` in folders of its own, as a process. Nothing runs before `start`. */
export interface ServeProcess {
  /** Holds `content`, `content-uploads`, `state`, `logs` and `tls`. */
  readonly directory: string
  readonly port: number
  /** `https://cdn.example.test:<port>` */
  readonly url: string
  /** Of the last start. */
  child(): ChildProcess
  /** Output since the last start. */
  said(): string
  /** Runs the command with more arguments, which win. */
  run(args?: readonly string[], cwd?: string): ChildProcess
  /** Resolves when it serves. */
  start(args?: readonly string[]): Promise<void>
  stop(): Promise<void>
  /** Sessions of its app. */
  sessions(): SessionMaker
  send(options: Send & { readonly name?: string }): Promise<Answer>
  remove(): void
}

/** Prepares the folders, a certificate and a port. */
export async function prepareServe(): Promise<ServeProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-serve-'))
  await prepareCertificate(join(directory, 'tls'))
  mkdirSync(join(directory, 'content/public'), { recursive: true })
  writeFileSync(join(directory, 'content/public/logo.txt'), 'of everybody')
  const held = await holdPort(0, true)
  await held.release()
  const { port } = held
  const flags = Object.entries({
    host: serveHost,
    certificate: join(directory, 'tls/tls.crt'),
    key: join(directory, 'tls/tls.key'),
    stage: 'local',
    port: String(port),
    content: join(directory, 'content'),
    state: join(directory, 'state'),
    logs: join(directory, 'logs'),
  }).flatMap(([name, value]) => [`--${name}`, value])
  let child: ChildProcess
  let said = ''

  const run = (args: readonly string[] = [], cwd = process.cwd()) => {
    said = ''
    const command = [join(process.cwd(), 'cli/edge-signer.mjs'), 'serve', ...flags, ...args]
    child = spawn(process.execPath, command, { cwd })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += String(chunk)))
    return child
  }
  return {
    directory,
    port,
    url: `https://${serveHost}:${port}`,
    child: () => child,
    said: () => said,
    run,
    async start(args = ['--no-tusd']) {
      run(args)
      const ended = () => child.exitCode !== null || child.signalCode !== null
      await vi.waitUntil(() => said.includes('\nready ') || ended(), { timeout: 120_000, interval: 50 })
      if (ended()) throw new Error(said)
    },
    async stop() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
    sessions() {
      const { sessionSecret = '' } = JSON.parse(readFileSync(join(directory, 'state/secret.json'), 'utf8'))
      return createSessionMaker({ secret: sessionSecret, issuer: 'edge-signer-local', audience: 'edge-signer' })
    },
    send({ name = serveHost, ...options }) {
      return send(`https://${name}:${port}`, { connectTo: '127.0.0.1', ...options })
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
