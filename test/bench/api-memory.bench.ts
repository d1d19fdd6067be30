/** Peak memory of the API's process while files are uploaded through its tickets. The bytes bypass it, so their size must not matter. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { startS3Server } from '../support/s3-server.ts'
import type { ApiProcessMessage, ApiProcessSettings } from './api-process.ts'
import type { Comparison } from './comparison.ts'

const MiB = 1024 ** 2
const small = 'uploads of 1 MiB'
const large = 'uploads of 300 MiB'
const block = Buffer.alloc(8 * MiB, 7)

export const comparisons: readonly Comparison[] = [
  {
    name: 'peak memory of the API',
    unit: 'MiB',
    prepare: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'edge-signer-bench-'))
      const server = await startS3Server()
      const { endpoint, region, bucket, credentials } = server
      const settings: ApiProcessSettings = { endpoint, region, bucket, credentials }
      await bundleApi(join(folder, 'api.mjs'))
      return {
        env: { BENCH_API: join(folder, 'api.mjs'), BENCH_S3: JSON.stringify(settings) },
        async stop() {
          await server.stop()
          await rm(folder, { recursive: true })
        },
      }
    },
    variants: { [large]: () => peakOf(300 * MiB), [small]: () => peakOf(MiB) },
    ratios: [{ of: large, against: small, atMost: 1.1 }],
  },
]

/** As deployed, in one file: a process that compiles TypeScript needs more for that than for its work. */
async function bundleApi(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('api-process.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
    logLevel: 'silent',
  })
}

/** The peak of a new API process, in MiB, after three uploads of a size; the client is this process. */
async function peakOf(size: number): Promise<number> {
  const child = fork(process.env.BENCH_API ?? '', [process.env.BENCH_S3 ?? ''], { execArgv: [] })
  try {
    const { url, session } = (await next(child)) as Extract<ApiProcessMessage, { url: string }>
    const api = createClient(url, session)
    // Code of both ways is loaded and compiled before the sizes part.
    for (let i = 0; i < 20; i++) {
      await upload(api, `users/alice/warm-${i}`, 1000)
      await api('DELETE', `/api/uploads/${(await beginUpload(api, 101 * MiB, `users/alice/parts-${i}`)).uploadId}`)
    }
    for (let i = 0; i < 3; i++) await upload(api, `users/alice/file-${i}`, size)
    child.send('peak')
    const { peakBytes } = (await next(child)) as Extract<ApiProcessMessage, { peakBytes: number }>
    return peakBytes / MiB
  } finally {
    child.kill('SIGKILL')
  }
}

async function next(child: ChildProcess): Promise<ApiProcessMessage> {
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the API ended with ${code}`)))
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [ApiProcessMessage]
  return message
}

type Client = (method: string, path: string, json?: unknown) => Promise<Answer>

interface Answer {
  readonly uploadId: string
  readonly protocol: 'put' | 'multipart'
  readonly url: string
  readonly headers: Record<string, string>
  readonly parts: { readonly partNumber: number; readonly url: string }[]
  readonly partCount: number
  readonly size: number
}

function createClient(base: string, session: string): Client {
  return async (method, path, json) => {
    const headers = { authorization: `Bearer ${session}`, 'content-type': 'application/json' }
    const body = json === undefined ? null : JSON.stringify(json)
    const answer = await fetch(base + path, { method, headers, body })
    if (!answer.ok) throw new Error(`${method} answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as Answer
  }
}

function beginUpload(api: Client, size: number, key: string): Promise<Answer> {
  return api('POST', '/api/uploads', { key, contentType: 'application/octet-stream', size })
}

async function upload(api: Client, key: string, size: number): Promise<void> {
  const ticket = await beginUpload(api, size, key)
  const path = `/api/uploads/${ticket.uploadId}`
  if (ticket.protocol === 'put') {
    await put(ticket.url, size, ticket.headers)
  } else {
    const partNumbers = Array.from({ length: ticket.partCount }, (_, index) => index + 1)
    const { parts } = await api('POST', `${path}/parts`, { partNumbers })
    for (const part of parts) await put(part.url, Math.min(block.length, size - (part.partNumber - 1) * block.length))
  }
  const asset = await api('POST', `${path}/${ticket.protocol === 'put' ? 'confirm' : 'complete'}`, {})
  if (asset.size !== size) throw new Error(`${asset.size} bytes were published`)
  await api('DELETE', `/api/assets/${key}`)
}

async function put(url: string, length: number, headers: Record<string, string> = {}): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', headers, body: block.subarray(0, length) })
  if (!answer.ok) throw new Error(`S3 answered ${answer.status}: ${await answer.text()}`)
}
