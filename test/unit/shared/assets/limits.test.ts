import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  maxObjectBytes,
  maxPartBytes,
  maxParts,
  minPartBytes,
  partCount,
  partLength,
  partSizeFor,
} from '../../../../shared/assets/limits.ts'

const sizes = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 31 }),
  fc.maxSafeInteger().map((n) => Math.abs(n) % (maxObjectBytes + 1)),
)

describe('parts', () => {
  it('cut any file that S3 can hold into at most 10,000 parts that S3 takes', () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const partSize = partSizeFor(size)
        const count = partCount(size, partSize)
        expect(count).toBeGreaterThanOrEqual(1)
        expect(count).toBeLessThanOrEqual(maxParts)
        expect(partSize).toBeGreaterThanOrEqual(minPartBytes)
        expect(partSize).toBeLessThanOrEqual(maxPartBytes)
        const last = partLength(size, partSize, count) ?? -1
        expect((count - 1) * partSize + last).toBe(size)
        expect(last).toBeLessThanOrEqual(partSize)
        expect(last).toBeGreaterThanOrEqual(size === 0 ? 0 : 1)
      }),
      { numRuns: 2000 },
    )
  })

  it('reach the largest object with the largest parts', () => {
    expect(maxObjectBytes / 1024 ** 4).toBeCloseTo(48.83, 2)
    expect(partSizeFor(maxObjectBytes)).toBe(maxPartBytes)
    expect(partCount(maxObjectBytes, maxPartBytes)).toBe(maxParts)
  })

  it('have numbers from 1', () => {
    const [size, partSize] = [20 * 1024 ** 2, 8 * 1024 ** 2]
    expect([1, 2, 3].map((n) => partLength(size, partSize, n))).toEqual([partSize, partSize, 4 * 1024 ** 2])
    for (const number of [0, 4, -1, 1.5, Number.NaN]) expect(partLength(size, partSize, number)).toBeUndefined()
  })
})
