import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import { toCloudFrontBase64 } from '../../../../../shared/cloudfront/base64.ts'
import { findNjs } from '../../../../support/njs-command.ts'
import { findPart } from '../../../../support/part.ts'

/**
 * Work for a request that nobody signed, in instructions of njs: a wall clock would measure the machine. A millisecond is about
 * 2.5 million of them.
 */
const sizes = [4096, 8192, 16_384]
const maxInstructions = 12_500_000

/** Requests whose size is in the part that an attacker would make large. `url` and `cookieHeader` are at most `size` bytes. */
function hostile(size: number): Record<string, { url: string; querystring: string; cookieHeader: string }> {
  const url = 'https://h/users/alice/x'
  const policy = (resource: string) =>
    JSON.stringify({
      Statement: [{ Resource: resource, Condition: { DateLessThan: { 'AWS:EpochTime': 2_000_000_000 } } }],
    })
  const cookies = (json: string) =>
    `CloudFront-Policy=${toCloudFrontBase64(json)}; CloudFront-Signature=AAAA; CloudFront-Key-Pair-Id=K1`
  const room = Math.floor(size * 0.7)
  return {
    wildcards: {
      url: `${url}${'a'.repeat(size)}`,
      querystring: '',
      cookieHeader: cookies(policy(`https://h/${'*a'.repeat(room / 2)}b`)),
    },
    'single characters': {
      url: `${url}${'a'.repeat(size)}`,
      querystring: '',
      cookieHeader: cookies(policy(`https://h/${'?'.repeat(room)}`)),
    },
    'a long prefix': {
      url: `https://h/${'a'.repeat(size)}`,
      querystring: '',
      cookieHeader: cookies(policy(`https://h/${'a'.repeat(room)}*`)),
    },
    escapes: { url, querystring: '', cookieHeader: cookies(policy('\\'.repeat(room / 2))) },
    'escaped slashes': {
      url,
      querystring: '',
      cookieHeader: cookies(policy('https://h/*').replace('*', '\\/'.repeat(room / 2))),
    },
    'a canned policy of slashes': {
      url: `https://h/${'?'.repeat(size / 2)}`,
      querystring: 'Expires=2000000000&Signature=AAAA&Key-Pair-Id=K1',
      cookieHeader: '',
    },
    blanks: { url, querystring: '', cookieHeader: cookies(policy('https://h/*').replace('{', `{${' '.repeat(room)}`)) },
    nesting: { url, querystring: '', cookieHeader: cookies('['.repeat(room)) },
    'many cookies': { url, querystring: '', cookieHeader: 'CloudFront-Policy=A; '.repeat(size / 21) },
    'one long cookie': { url, querystring: '', cookieHeader: `CloudFront-Key-Pair-Id=${'A'.repeat(size)}` },
    padding: { url, querystring: '', cookieHeader: `CloudFront-Key-Pair-Id=K; CloudFront-Policy=${'_'.repeat(size)}` },
    'many parameters': { url, querystring: 'Policy=%41&'.repeat(size / 11), cookieHeader: '' },
    'escaped parameters': { url, querystring: `Key-Pair-Id=${'%41'.repeat(size / 3)}`, cookieHeader: '' },
  }
}

const kinds = Object.keys(hostile(0)).length
const run = promisify(execFile)
const njs = findNjs()
const valgrind = await findPart('valgrind', () => run('valgrind', ['--version']))
const missing = [...(njs === undefined ? ['njs'] : []), ...valgrind.missing()]

it.skipIf(missing.length > 0)(
  `njs spends linear time, and little, on what nobody signed${missing.length === 0 ? '' : ` (needs ${missing.join(', ')})`}`,
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'linear-'))
    try {
      const code = await signatureCode()
      const counts: number[] = []
      for (const size of sizes) {
        const [reading, idle] = await Promise.all([
          instructions(directory, code, size, 1),
          instructions(directory, code, size, 0),
        ])
        counts.push(reading - idle)
      }
      const [small = 0, middle = 0, large = 0] = counts
      const curve = `instructions for ${kinds} requests of ${sizes.join(', ')} bytes: ${counts.join(', ')}`
      expect(large / kinds, curve).toBeLessThan(maxInstructions)
      // Twice the size is at most twice the work.
      expect(middle, curve).toBeLessThan(2.1 * small)
      expect(large, curve).toBeLessThan(2.1 * middle)
    } finally {
      await rm(directory, { recursive: true })
    }
  },
  120_000,
)

/** `readSignature` as njs runs it. */
async function signatureCode(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../../../../local/cloudfront/njs/signature.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es5',
    supported: { 'const-and-let': true, arrow: true, 'template-literal': true, 'exponent-operator': true },
  })
  return (outputFiles[0]?.text ?? '').replace(/export \{[^}]*\};\s*$/, '')
}

/** Instructions of a whole njs process that reads each kind of request `times` times. */
async function instructions(directory: string, code: string, size: number, times: number): Promise<number> {
  const script = join(directory, `${size}-${times}.js`)
  const out = join(directory, `${size}-${times}.callgrind`)
  const subjects = Object.values(hostile(size)).map((one) => ({ ...one, clientIp: '192.0.2.7', now: 1_900_000_000 }))
  await writeFile(
    script,
    `${code}\nconst subjects = ${JSON.stringify(subjects)}\nfor (let i = 0; i < ${times}; i++) subjects.forEach((one) => { readSignature(one, 'last') })\n`,
  )
  await run('valgrind', ['--tool=callgrind', `--callgrind-out-file=${out}`, String(njs), script])
  return Number(/^(?:summary|totals): (\d+)$/m.exec(await readFile(out, 'utf8'))?.[1])
}
