import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, mint, noise, upload } from '../client.ts'
import { revoke } from '../faults/disks.ts'
import { KeepAliveConnection } from '../keep-alive.ts'
import { Random } from '../random.ts'
import { descriptorsOf, memoryOf, type SingleServer, startSingleServer } from '../single-server.ts'

export interface LoadOptions {
  readonly seconds: number
  readonly connections: number
  readonly seed: string
  readonly log: (line: string) => void
}

/** Users whose access is revoked on the way; each once. */
const mortals = 40
/** MiB that a process may grow by in the second half, beside a quarter of what it has. */
const slack = 24
/**
 * Descriptors that may be open in the end beside those of half time: connections between the parts that are kept. A descriptor lost
 * with each request would be thousands.
 */
const keptDescriptors = 24

/**
 * The single server under mixed reads, mints, uploads and revocations. Every status must be the expected one, no process may
 * grow in the second half, and no descriptor may be left open.
 */
export async function runLoad({ seconds, connections, seed, log }: LoadOptions): Promise<boolean> {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-load-'))
  const files = Array.from({ length: 8 }, (_, i) => noise(`file ${i}`, 256 * 1024))
  mkdirSync(join(directory, 'content/users/alice'), { recursive: true })
  for (const [i, bytes] of files.entries()) writeFileSync(join(directory, `content/users/alice/${i}.bin`), bytes)
  for (let i = 0; i < mortals; i++) {
    mkdirSync(join(directory, `content/users/mortal${i}`), { recursive: true })
    writeFileSync(join(directory, `content/users/mortal${i}/a.txt`), `of mortal${i}`)
  }
  const server = await startSingleServer({ directory })
  const statuses = new Map<string, number>()
  const unexpected: string[] = []
  const count = (what: string, status: number, expected: number) => {
    const line = `${what} ${status}`
    statuses.set(line, (statuses.get(line) ?? 0) + 1)
    if (status !== expected) unexpected.push(line)
  }
  try {
    const cookie = await mint(server, 'alice')
    // The first requests of each kind load code and open connections between the parts; they are no leak.
    await warmUp(server, cookie)
    const before = look(server)
    const end = performance.now() + seconds * 1000
    let middle: Look[] = []
    const watching = delay(seconds * 500).then(() => {
      middle = look(server)
    })
    const readers = Array.from({ length: Math.max(1, connections - 8) }, (_, i) =>
      readUntil(server, cookie, files, new Random(`${seed} ${i}`), end, count),
    )
    const others = [
      ...Array.from({ length: 3 }, () => mintUntil(server, end, count)),
      ...Array.from({ length: 3 }, (_, i) => uploadUntil(server, i, end, count)),
      revokeUntil(server, end, seconds, count),
      askUntil(server, end, count),
    ]
    await Promise.all([watching, ...readers, ...others])
    const after = look(server)
    await delay(2000)
    const rest = look(server)
    for (const [line, n] of [...statuses].sort()) log(`  ${line.padEnd(32)} ${String(n).padStart(9)}`)
    const total = [...statuses.values()].reduce((sum, n) => sum + n, 0)
    log(
      `  ${(total / seconds).toFixed(0)} requests a second on ${connections} connections, ${unexpected.length} unexpected`,
    )
    log(
      `  ${'process'.padEnd(32)}${['MiB', 'half', 'end', 'fds', 'half', 'end'].map((name) => name.padStart(8)).join('')}`,
    )
    let isFlat = true
    for (const { pid, role, memory, descriptors } of before) {
      const [half, last, left] = [middle, after, rest].map((looks) => looks.find((one) => one.pid === pid))
      const [atHalf, atEnd] = [half?.memory ?? memory, last?.memory ?? 0]
      const cells = [memory, atHalf, atEnd].map((one) => one.toFixed(0))
      const fds = [descriptors, half?.descriptors ?? 0, left?.descriptors ?? 0].map(String)
      const grows = atEnd > atHalf * 1.25 + slack
      const leaks = (left?.descriptors ?? 0) > Math.max(descriptors, half?.descriptors ?? 0) + keptDescriptors
      // The loader reads what a cache on disk holds, and ends a minute after the start.
      const isGone = left === undefined && role !== 'nginx cache loader'
      const judgement = grows ? '  GROWS' : leaks ? '  LEAKS' : isGone ? '  ENDED' : ''
      log(`  ${role.padEnd(32)}${[...cells, ...fds].map((cell) => cell.padStart(8)).join('')}${judgement}`)
      isFlat &&= judgement === ''
    }
    return unexpected.length === 0 && isFlat
  } finally {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

type Count = (what: string, status: number, expected: number) => void

interface Look {
  readonly pid: number
  readonly role: string
  readonly memory: number
  readonly descriptors: number
}

function look(server: SingleServer): Look[] {
  return server.processes().map(({ pid, role }) => ({
    pid,
    role,
    memory: memoryOf(pid),
    descriptors: descriptorsOf(pid),
  }))
}

async function warmUp(server: SingleServer, cookie: string): Promise<void> {
  await upload(server, 'alice', 'users/alice/warm.bin', noise('warm', 1000))
  await revoke(server, '/users/nobody/')
  await Promise.all(
    Array.from({ length: 200 }, (_, i) => ask(server, { path: `/users/alice/${i % 8}.bin`, headers: { cookie } })),
  )
}

/** Reads ranges on one connection; every byte is compared. */
async function readUntil(
  server: SingleServer,
  cookie: string,
  files: readonly Buffer[],
  random: Random,
  end: number,
  count: Count,
): Promise<void> {
  const connection = new KeepAliveConnection(server.address)
  while (performance.now() < end) {
    const number = random.int(files.length)
    const bytes = files[number] as Buffer
    const first = random.int(bytes.length - 1)
    const last = Math.min(bytes.length - 1, first + random.int(65_536))
    const isForeign = random.chance(0.1)
    const lines = [
      `GET /users/${isForeign ? 'mortal0/a.txt' : `alice/${number}.bin`} HTTP/1.1`,
      `Host: ${server.host}`,
      `Range: bytes=${first}-${last}`,
      `Cookie: ${cookie}`,
    ]
    const answer = await connection.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), false)
    if (isForeign) count('read of another user', answer.status, 403)
    else {
      count('read', answer.status, 206)
      if (answer.status === 206 && !answer.body.equals(bytes.subarray(first, last + 1))) count('wrong bytes', 1, 0)
    }
  }
  connection.close()
}

async function mintUntil(server: SingleServer, end: number, count: Count): Promise<void> {
  while (performance.now() < end) {
    const session = server.sessions().session('alice')
    const minted = await ask(server, { path: '/_edge/session', headers: { authorization: `Bearer ${session}` } })
    count('mint', minted.status, 200)
    await delay(20)
  }
}

async function uploadUntil(server: SingleServer, number: number, end: number, count: Count): Promise<void> {
  for (let turn = 0; performance.now() < end; turn++) {
    const confirmed = await upload(
      server,
      'alice',
      `users/alice/up${number}-${turn}.bin`,
      noise(`${turn}`, 200_000),
    ).catch((error: unknown) => ({ status: error instanceof Error ? error.message : 'failed' }))
    count('upload', Number(confirmed.status), 200)
    await delay(50)
  }
}

async function revokeUntil(server: SingleServer, end: number, seconds: number, count: Count): Promise<void> {
  const pause = Math.max(100, (seconds * 1000) / mortals - 200)
  for (let i = 0; i < mortals && performance.now() < end; i++) {
    const cookie = await mint(server, `mortal${i}`)
    const file = { path: `/users/mortal${i}/a.txt`, headers: { cookie } }
    count('read before a revocation', (await ask(server, file)).status, 200)
    count('revocation', (await revoke(server, `/users/mortal${i}/`)).status, 201)
    count('read after a revocation', (await ask(server, file)).status, 403)
    await delay(pause)
  }
}

async function askUntil(server: SingleServer, end: number, count: Count): Promise<void> {
  while (performance.now() < end) {
    const session = server.sessions().session('alice')
    const listed = await ask(server, {
      path: '/api/assets?prefix=users/alice/',
      headers: { authorization: `Bearer ${session}` },
    })
    count('list', listed.status, 200)
    count('read without cookies', (await ask(server, { path: '/users/alice/0.bin' })).status, 403)
    await delay(20)
  }
}
