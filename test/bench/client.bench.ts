/** The browser library in Chromium: 4 KiB random reads with locality over 1 GiB, and a sequential read. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStage } from '../../server/start.ts'
import { clientScript } from '../e2e/client/client-page.ts'
import { closeChromium, missingChromium, openVisitor } from '../support/chromium.ts'
import { missingParts } from '../support/parts.ts'
import type { Comparison } from './comparison.ts'

const size = 2 ** 30
const chunk = 2 ** 20

interface Reading {
  readonly bytes: number
  readonly requests: number
  readonly distinct: number
  readonly again: number
}

const common = {
  missing: async () => [...missingParts(), ...missingChromium()][0],
  async prepare() {
    const directory = mkdtempSync(join(tmpdir(), 'edge-signer-bench-'))
    const content = join(directory, 'content')
    mkdirSync(join(content, 'users/alice'), { recursive: true })
    writeFileSync(join(content, 'users/alice/disk.raw'), '')
    truncateSync(join(content, 'users/alice/disk.raw'), size)
    writeFileSync(join(content, 'users/alice/film.raw'), '')
    truncateSync(join(content, 'users/alice/film.raw'), 2 ** 28)
    const stage = await startStage({ port: 0, content, stateDirectory: join(directory, 'state') })
    return {
      env: { BENCH_CDN: stage.url },
      async stop() {
        await stage.stop()
        rmSync(directory, { recursive: true, force: true })
      },
    }
  },
}

export const comparisons: readonly Comparison[] = [
  {
    ...common,
    name: 'browser library, 4 KiB random reads with locality over 1 GiB: bytes',
    unit: 'MiB',
    variants: {
      RangeReader: async () => (await readRandomly()).bytes / chunk,
      'distinct chunks': async () => (await readRandomly()).distinct,
    },
    ratios: [{ of: 'RangeReader', against: 'distinct chunks', atMost: 1.2 }],
  },
  {
    ...common,
    name: 'browser library, 4 KiB random reads with locality over 1 GiB: requests',
    unit: 'requests',
    variants: {
      'both passes': async () => {
        const { requests, again } = await readRandomly()
        return requests + again
      },
      'distinct chunks': async () => (await readRandomly()).distinct,
    },
    ratios: [{ of: 'both passes', against: 'distinct chunks', atMost: 1 }],
  },
  {
    ...common,
    name: 'browser library, sequential read of 256 MiB, after one to warm up',
    unit: 'MiB/s',
    variants: {
      'RangeReader.stream': () =>
        inChromium(`(async () => {
          const reader = new edge.RangeReader(client, client.url('users/alice/film.raw'))
          return rate(() => reader.stream())
        })()`),
      fetch: () =>
        inChromium(`rate(async () => (await fetch(client.url('users/alice/film.raw'), { cache: 'no-store' })).body)`),
    },
    ratios: [{ of: 'RangeReader.stream', against: 'fetch', atLeast: 0.9 }],
  },
]

/** 2,000 reads: seven of eight lie within 256 KiB of the one before, the others anywhere in 1 GiB. Twice the same. */
function readRandomly(): Promise<Reading> {
  return inChromium<Reading>(`(async () => {
    let seed = 12345
    const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32
    const offsets = []
    for (let at = 0, i = 0; i < 2000; i++) {
      at = random() < 1 / 8 ? random() * ${size} : at + (random() - 0.5) * 2 ** 18
      at = Math.max(0, Math.min(${size} - 4096, Math.floor(at / 4096) * 4096))
      offsets.push(at)
    }
    let bytes = 0
    let requests = 0
    const counting = async (url, init) => {
      const response = await fetch(url, init)
      if (response.status === 206) {
        requests++
        bytes += Number(response.headers.get('content-length'))
      }
      return response
    }
    const client = edge.createEdgeClient({ cdn: location.origin, fetch: counting })
    const reader = new edge.RangeReader(client, client.url('users/alice/disk.raw'), { cacheBytes: ${size} })
    const pass = async () => { for (const at of offsets) await reader.read(at, 4096) }
    await pass()
    const first = requests
    await pass()
    const distinct = new Set(offsets.map((at) => Math.floor(at / ${chunk}))).size
    return { bytes, requests: first, distinct, again: requests - first }
  })()`)
}

/** Runs this in a page of the CDN, signed in. */
async function inChromium<T>(script: string): Promise<T> {
  const { page, close } = await openVisitor()
  try {
    await page.goto(`${process.env.BENCH_CDN}/dev/login?sub=alice`)
    await page.evaluate(`${await clientScript()}
      globalThis.edge = edge
      globalThis.client = edge.createEdgeClient({ cdn: location.origin })
      globalThis.rate = async (open) => {
        const read = async () => {
          const reader = (await open()).getReader()
          let bytes = 0
          for (let part = await reader.read(); !part.done; part = await reader.read()) bytes += part.value.length
          return bytes
        }
        await read()
        const begun = performance.now()
        const bytes = await read()
        return bytes / ${chunk} / ((performance.now() - begun) / 1000)
      }
      client.ensureSession().then(() => 1)`)
    return await page.evaluate<T>(script)
  } finally {
    await close()
    await closeChromium()
  }
}
