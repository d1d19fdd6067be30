import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cryptography, setUpPythonTool } from '../../support/python-tools.ts'
import type { DifferentialStage } from './stage.ts'

/** The independent verifier's judgement of a request. */
export interface Verdict {
  readonly verdict: 'accept' | 'refuse' | 'open'
  /** The object that an accepted request opens; `null` where its name is not UTF-8. */
  readonly key?: string | null
  /** An accepted request is a download link. */
  readonly link?: boolean
  readonly reason?: string
  /** Documented rules of the product, stricter than CloudFront's, that the request breaks. */
  readonly rules: readonly string[]
}

/** The verifier: one Python process that judges line by line. */
export interface Verifier {
  judge(request: Buffer, now: number): Promise<Verdict>
  stop(): void
}

/** Starts it with the keys and the link secret of a stage. */
export async function startVerifier(stage: DifferentialStage): Promise<Verifier> {
  const python = await setUpPythonTool(cryptography, { log: () => {} })
  const script = fileURLToPath(new URL('verifier.py', import.meta.url))
  const child: ChildProcess = spawn(python, ['-B', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting: { resolve: (verdict: Verdict) => void; reject: (error: Error) => void }[] = []
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  lines.on('line', (line) => waiting.shift()?.resolve(JSON.parse(line) as Verdict))
  child.on('exit', (code) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`the verifier ended with ${code}`))
  })
  const write = (value: unknown) => child.stdin?.write(`${JSON.stringify(value)}\n`)
  write({
    keys: Object.fromEntries(stage.trusted.map(({ id, publicPem }) => [id, publicPem])),
    linkSecret: stage.linkSecret,
    hosts: stage.hosts ?? null,
  })
  return {
    judge: (request, now) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        write({ request: request.toString('base64'), now, ip: '127.0.0.1' })
      }),
    stop: () => void child.kill(),
  }
}
