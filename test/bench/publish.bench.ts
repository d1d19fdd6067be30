/** Publishing a file of 1 GiB in chunks, against `sha256sum` and `cp` of the same file. */
import { execFile } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Comparison } from './comparison.ts'

const run = promisify(execFile)
const ours = 'edge-signer publish'
const peer = 'sha256sum + cp'
const mib = 1024
const command = new URL('../../cli/edge-signer.mjs', import.meta.url).pathname

export const comparisons: readonly Comparison[] = [
  {
    name: 'publishing 1 GiB to files',
    unit: 'MiB/s',
    variants: {
      [ours]: () =>
        rate(async (folder) => {
          const content = join(folder, `content-${process.pid}`)
          mkdirSync(content)
          await run(process.execPath, [
            command,
            'publish',
            file(folder),
            'users/bench/disk',
            '--content',
            content,
            '--quiet',
          ])
        }),
      [peer]: () =>
        rate(async (folder) => {
          await run('sha256sum', [file(folder)])
          const copy = join(folder, `copy-${process.pid}`)
          await run('cp', [file(folder), copy])
          // A publication is on the disk when the command ends.
          await run('sync', ['-d', copy])
        }),
    },
    ratios: [{ of: ours, against: peer, atLeast: 0.8 }],
    async prepare() {
      const folder = mkdtempSync(join(tmpdir(), 'edge-signer-bench-'))
      const piece = Buffer.alloc(1024 ** 2)
      for (let i = 0; i < mib; i++) writeFileSync(file(folder), randomFillSync(piece), { flag: 'a' })
      return {
        env: { BENCH_PUBLISH: folder },
        stop: async () => rmSync(folder, { recursive: true, force: true }),
      }
    },
  },
]

const file = (folder: string) => join(folder, 'disk.img')

/** MiB a second. What was written is removed afterwards, so that the next run finds as much room. */
async function rate(work: (folder: string) => Promise<void>): Promise<number> {
  const folder = process.env.BENCH_PUBLISH ?? ''
  const begun = performance.now()
  await work(folder)
  const seconds = (performance.now() - begun) / 1000
  for (const name of ['content', 'copy'])
    rmSync(join(folder, `${name}-${process.pid}`), { recursive: true, force: true })
  rmSync(join(folder, `content-${process.pid}-uploads`), { recursive: true, force: true })
  return mib / seconds
}
