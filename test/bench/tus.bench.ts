/**
 * Uploads: through nginx against straight to the same tusd, and what each process needs while many GiB pass.
 * `BENCH_UPLOAD_MIB` (default 512) is the size of one upload, `BENCH_MEMORY_GIB` (default 2) of the one that memory is watched at.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import config from '../../edge-signer.config.ts'
import { setUpGoTool, tusd } from '../../local/setup/go-tools.ts'
import { type RunningStage, startStage } from '../../server/start.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import { parseKeyDocument } from '../../shared/keys/key-document.ts'
import { createSessionMaker } from '../support/session-maker.ts'
import type { Comparison } from './comparison.ts'

const MiB = 2 ** 20
const size = Number(process.env.BENCH_UPLOAD_MIB ?? 512) * MiB
const watched = Number(process.env.BENCH_MEMORY_GIB ?? 2) * 1024 * MiB

export const comparisons: readonly Comparison[] = [
  {
    name: `tus: an upload of ${size / MiB} MiB`,
    unit: 'MiB/s',
    prepare,
    variants: {
      'through nginx to tusd': () => measure(new URL(env('BENCH_URL'))),
      'straight to tusd': () => measure(env('BENCH_SOCKET')),
    },
    ratios: [{ of: 'through nginx to tusd', against: 'straight to tusd', atLeast: 0.4 }],
    report: watchMemory,
  },
]

async function prepare() {
  const { emulation, directory } = await start()
  return {
    env: {
      BENCH_URL: emulation.url,
      BENCH_SOCKET: emulation.uploads?.socket ?? '',
      BENCH_SECRET: emulation.state.secret,
    },
    stop: async () => {
      await emulation.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function start(): Promise<{ emulation: RunningStage; directory: string }> {
  await setUpGoTool(tusd, { log: (line) => process.stderr.write(`${line}\n`) })
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-bench-'))
  const emulation = await startStage({
    port: 0,
    content: join(directory, 'content'),
    stateDirectory: join(directory, 'state'),
    tusd: true,
  })
  return { emulation, directory }
}

/** MiB per second of one upload, from its creation to the answer to its last byte. Deleted afterwards. */
async function measure(to: URL | string): Promise<number> {
  const url = env('BENCH_URL')
  const secret = env('BENCH_SECRET')
  await upload(url, secret, to, 16 * MiB)
  const seconds = await upload(url, secret, to, size)
  return size / MiB / seconds
}

/** Seconds of one upload. */
async function upload(url: string, secretFile: string, to: URL | string, bytes: number): Promise<number> {
  const { session } = parseDeployment(config, 'local').config
  const { sessionSecret = '' } = parseKeyDocument(readFileSync(secretFile, 'utf8'))
  const sessions = createSessionMaker({
    secret: sessionSecret,
    issuer: String(session.issuer),
    audience: String(session.audience),
  })
  const headers = { authorization: `Bearer ${sessions.session('alice')}`, 'content-type': 'application/json' }
  const key = `users/alice/bench-${process.pid}-${bytes}.bin`
  const asked = await fetch(`${url}/api/uploads`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ key, size: bytes, contentType: 'application/octet-stream', overwrite: true }),
  })
  const ticket = (await asked.json()) as { uploadId: string; headers: Record<string, string> }
  const begun = performance.now()
  const created = await send(to, 'POST', '/files/', { ...ticket.headers, 'Upload-Length': String(bytes) }, 0)
  if (created.status !== 201) throw new Error(`creation: ${created.status}`)
  const target = new URL(created.location ?? '', url).pathname
  const octets = { 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' }
  const sent = await send(to, 'PATCH', target, { ...octets, 'Tus-Resumable': '1.0.0' }, bytes)
  if (sent.status !== 204) throw new Error(`upload: ${sent.status}`)
  const seconds = (performance.now() - begun) / 1000
  await fetch(`${url}/api/uploads/${ticket.uploadId}/confirm`, { method: 'POST', headers, body: '{}' })
  await fetch(`${url}/api/assets/${key}`, { method: 'DELETE', headers: { authorization: headers.authorization } })
  return seconds
}

/** The same 1 MiB again and again, as fast as it is taken. */
function send(to: URL | string, method: string, path: string, headers: Record<string, string>, bytes: number) {
  return new Promise<{ status: number; location: string | undefined }>((resolve, reject) => {
    const where = typeof to === 'string' ? { socketPath: to } : { host: '127.0.0.1', port: to.port }
    const outgoing = request(
      { ...where, method, path, headers: { ...headers, Host: 'localhost', 'Content-Length': String(bytes) } },
      (incoming) => {
        incoming.resume()
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, location: incoming.headers.location }))
      },
    )
    outgoing.on('error', reject)
    const piece = Buffer.alloc(MiB, 7)
    let left = bytes
    const write = () => {
      while (left > 0) {
        left -= MiB
        if (!outgoing.write(piece)) return void outgoing.once('drain', write)
      }
      outgoing.end()
    }
    write()
  })
}

/** The highest memory of each process of the system while one large upload passes. */
async function watchMemory(): Promise<string[]> {
  const { emulation, directory } = await start()
  try {
    const before = residentByName()
    const highest = new Map(before)
    const timer = setInterval(() => {
      for (const [name, bytes] of residentByName()) highest.set(name, Math.max(bytes, highest.get(name) ?? 0))
    }, 50)
    const seconds = await upload(emulation.url, emulation.state.secret, new URL(emulation.url), watched)
    clearInterval(timer)
    return [
      `${watched / MiB / 1024} GiB in ${seconds.toFixed(1)} s; resident memory before, and at most:`,
      ...[...highest].map(([name, bytes]) => `  ${name.padEnd(30)} ${mib(before.get(name) ?? 0)} → ${mib(bytes)} MiB`),
    ]
  } finally {
    await emulation.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Resident bytes of our descendants, added up by what they are. */
function residentByName(): Map<string, number> {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    const parent = /^PPid:\s+(\d+)/m.exec(readProc(name, 'status'))?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const sums = new Map<string, number>()
  for (const pid of parents.keys()) {
    if (!isBelow(pid, parents)) continue
    const command = readProc(String(pid), 'cmdline').replaceAll('\0', ' ')
    const name = ['nginx', 'tusd', 'api-process', 'lambda/process'].find((word) => command.includes(word))
    const kib = Number(/^VmRSS:\s+(\d+)/m.exec(readProc(String(pid), 'status'))?.[1] ?? 0)
    if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + kib * 1024)
  }
  return sums
}

function isBelow(pid: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at = parents.get(pid); at !== undefined && at !== 0; at = parents.get(at))
    if (at === process.pid) return true
  return false
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function mib(bytes: number): string {
  return String(Math.round(bytes / MiB)).padStart(4)
}

function env(name: string): string {
  return process.env[name] ?? ''
}
