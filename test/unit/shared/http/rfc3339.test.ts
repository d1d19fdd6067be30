import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rfc3339 } from '../../../../shared/http/rfc3339.ts'

test('writes what Date writes, without milliseconds', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 253_402_300_799 }), { minLength: 1, maxLength: 4 }), (epochs) => {
      for (const epoch of epochs) {
        expect(rfc3339(epoch)).toBe(new Date(epoch * 1000).toISOString().replace('.000Z', 'Z'))
      }
    }),
  )
})

test.each([
  [1_767_225_599, '2025-12-31T23:59:59Z'],
  [1_767_225_600, '2026-01-01T00:00:00Z'],
  [1_767_229_261, '2026-01-01T01:01:01Z'],
])('%d', (epoch, text) => {
  expect(rfc3339(epoch)).toBe(text)
})
