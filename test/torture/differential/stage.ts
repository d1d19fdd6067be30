import { spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { projectDirectory } from '../../../local/paths.ts'
import { holdPort } from '../../../local/process/ports.ts'
import { prepareCertificate } from '../../../local/setup/certificate.ts'
import { newKeyPairId } from '../../../local/state/state-files.ts'
import { startStage } from '../../../server/start.ts'
import type { Address } from '../keep-alive.ts'
import { readyLine } from '../single-server.ts'

/** Targets of the cases: the emulation in both modes, and the single server as its unit file starts it. */
export const modes = ['key-group', 'gate', 'serve'] as const
export type Mode = (typeof modes)[number]

/** A key that signs; the stage trusts it or not. */
export interface CaseKey {
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicPem: string
  readonly kind: 'ec' | 'rsa'
  readonly algorithm: 'ES256' | 'RS256' | 'RS1'
}

/** A running system with everything that cases are made of. */
export interface DifferentialStage {
  readonly mode: Mode
  readonly address: Address
  /** As in the `Host` header: `localhost:8080`. */
  readonly host: string
  /** The names that are served; `undefined` where the stage answers to any. */
  readonly hosts: readonly string[] | undefined
  readonly trusted: readonly CaseKey[]
  /** Keys of the same kinds that nobody trusts. */
  readonly strangers: readonly CaseKey[]
  readonly linkSecret: string
  stop(): Promise<void>
}

/** Every private file. Its content names its key, so that an answer tells whose file it is. */
export const privateFiles = [
  'users/alice/a.txt',
  'users/alice/b c.txt',
  'users/alice/b+c.txt',
  'users/alice/page.html',
  'users/alice/deep/er/é.txt',
  'users/alice2/a.txt',
  'users/bob/a.txt',
  'users/bob/page.html',
  'users/bob/deep/er/é.txt',
  'teams/red/a.txt',
  'teams/blue/a.txt',
] as const

const salt = createHash('sha256').update('torture').digest('hex')
/** Found in the content of every private file, and nowhere else. */
export const privateMark = `private ${salt}`

/** The content of a private file. */
export function contentOf(key: string): Buffer {
  return Buffer.from(`${privateMark} ${key}\n`)
}

/** Starts it with three trusted keys: P-256, RSA with SHA-256, RSA with SHA-1. */
export async function startDifferentialStage(mode: Mode): Promise<DifferentialStage> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-torture-'))
  const removeAll = () => rmSync(directory, { recursive: true, force: true })
  try {
    for (const key of privateFiles) write(join(directory, 'content', key), contentOf(key))
    write(join(directory, 'content/public/p.txt'), Buffer.from('public\n'))
    const trusted = (['ES256', 'RS256', 'RS1'] as const).map(makeKey)
    writeKeyDocument(join(directory, 'state'), trusted)
    const running = mode === 'serve' ? await startServer(directory) : await startEmulated(directory, mode)
    return {
      mode,
      ...running,
      trusted,
      strangers: (['ES256', 'RS256', 'RS1'] as const).map(makeKey),
      linkSecret: readFileSync(join(directory, 'state/link-secret'), 'utf8'),
      stop: async () => {
        await running.stop()
        removeAll()
      },
    }
  } catch (error) {
    removeAll()
    throw error
  }
}

type Running = Pick<DifferentialStage, 'address' | 'host' | 'hosts' | 'stop'>

async function startEmulated(directory: string, enforcement: 'key-group' | 'gate'): Promise<Running> {
  const emulation = await startStage({
    port: 0,
    content: join(directory, 'content'),
    stateDirectory: join(directory, 'state'),
    enforcement,
    bootstrap: 'none',
    tusd: false,
  })
  return {
    address: { port: emulation.port, tlsName: undefined },
    host: new URL(emulation.url).host,
    hosts: undefined,
    stop: () => emulation.stop(),
  }
}

/** The command of the unit file, with the certificate of a test. */
async function startServer(directory: string): Promise<Running> {
  const name = 'cdn.example.test'
  await prepareCertificate(join(directory, 'tls'))
  const held = await holdPort(0, true)
  await held.release()
  const flags = Object.entries({
    host: name,
    certificate: join(directory, 'tls/tls.crt'),
    key: join(directory, 'tls/tls.key'),
    stage: 'local',
    port: String(held.port),
    content: join(directory, 'content'),
    state: join(directory, 'state'),
    logs: join(directory, 'logs'),
  }).flatMap(([flag, value]) => [`--${flag}`, value])
  const command = [join(projectDirectory, 'cli/edge-signer.mjs'), 'serve', '--no-tusd', ...flags]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  await readyLine(child)
  return {
    address: { port: held.port, tlsName: name },
    host: `${name}:${held.port}`,
    hosts: [name],
    stop: async () => {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      if (child.exitCode === null) await gone
    },
  }
}

/** A key pair of an algorithm, with an id as CloudFront gives them. */
export function makeKey(algorithm: CaseKey['algorithm']): CaseKey {
  const pair =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    id: newKeyPairId(),
    privateKey: pair.privateKey,
    publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    kind: algorithm === 'ES256' ? 'ec' : 'rsa',
    algorithm,
  }
}

function writeKeyDocument(state: string, keys: readonly CaseKey[]): void {
  const document = {
    keys: keys.map(({ id, algorithm, privateKey, publicPem }) => ({
      keyPairId: id,
      algorithm,
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      publicKey: publicPem,
      notBefore: 1,
    })),
    sessionSecret: createHash('sha256').update(`${Math.random()}`).digest('base64url'),
    stampKey: createHash('sha256').update(`${Math.random()}`).digest('base64url'),
  }
  mkdirSync(state, { recursive: true, mode: 0o700 })
  writeFileSync(join(state, 'secret.json'), JSON.stringify(document), { mode: 0o600 })
}

function write(file: string, bytes: Buffer): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
}
