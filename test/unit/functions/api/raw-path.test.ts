import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeRawPath } from '../../../../functions/api/app.ts'

it('gives back what the client sent, from what API Gateway decoded', () => {
  const segments = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('/')))
  fc.assert(
    fc.property(segments, (parts) => {
      const sent = `/api/assets/${parts.map(encodeURIComponent).join('/')}`
      expect(encodeRawPath(decodeURIComponent(sent))).toBe(sent)
    }),
  )
})
