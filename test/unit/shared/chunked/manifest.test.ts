import { describe, expect, it } from 'vitest'
import {
  chunkLength,
  chunkName,
  formatManifest,
  ManifestError,
  parseLatest,
  parseManifest,
} from '../../../../shared/chunked/manifest.ts'
import corpus from '../../fixtures/chunked-manifests.json' with { type: 'json' }

/** A text of the corpus: as it is, or a unit many times over. */
interface CorpusText {
  readonly text?: string
  readonly head?: string
  readonly unit?: string
  readonly times?: number
  readonly tail?: string
}

function textOf({ text, head = '', unit = '', times = 0, tail = '' }: CorpusText): string {
  return text ?? head + unit.repeat(times) + tail
}

function fieldOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof ManifestError) return error.field
    throw error
  }
  return 'accepted'
}

describe('a manifest', () => {
  it.each(corpus.manifests.good)('is read: $name', ({ text, manifest }) => {
    const sha256 = manifest.sha256.map((hash) => hash ?? undefined)
    expect(parseManifest(text)).toEqual({ imageId: undefined, ...manifest, sha256 })
  })

  it.each(corpus.manifests.bad)('is refused: $name', ({ field, ...text }) => {
    const whole = textOf(text)
    expect(fieldOf(() => parseManifest(whole))).toBe(field)
  })

  it('is written as it is read', () => {
    for (const { text } of corpus.manifests.good) {
      const manifest = parseManifest(text)
      expect(parseManifest(formatManifest(manifest))).toEqual(manifest)
    }
  })

  it('refuses 20 million values before they become objects', () => {
    const text = `[${'{},'.repeat(20_000_000)}{}]`
    const before = process.memoryUsage().heapUsed
    expect(fieldOf(() => parseManifest(text))).toBe('text')
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(400e6)
  })

  it('never repeats its text in an error', () => {
    expect(() => parseManifest('{"schema":"secret-of-alice"}')).toThrow(/^(?!.*secret-of-alice)/)
  })
})

describe('latest.json', () => {
  it.each(corpus.latest.good)('is read: $name', ({ text, latest }) => {
    expect(parseLatest(text)).toEqual({ imageId: undefined, ...latest })
  })

  it.each(corpus.latest.bad)('is refused: $name', ({ field, ...text }) => {
    const whole = textOf(text)
    expect(fieldOf(() => parseLatest(whole))).toBe(field)
  })
})

it('chunks have their names in order, and the last one has the rest', () => {
  const sizes = { totalSize: 11 * 512, chunkSize: 1024, chunkCount: 6, chunkIndexWidth: 3 }
  expect([0, 5].map((index) => chunkName(sizes, index))).toEqual(['chunks/000.bin', 'chunks/005.bin'])
  expect([0, 5].map((index) => chunkLength(sizes, index))).toEqual([1024, 512])
})
