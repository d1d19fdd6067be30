import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromCloudFrontBase64, toCloudFrontBase64 } from '../../../../shared/cloudfront/base64.ts'

test('writes - _ ~ in place of + = /', () => {
  expect(toCloudFrontBase64(Uint8Array.of(0xfb, 0xff, 0xbf, 0xff))).toBe('-~-~~w__')
})

test('reads back what it wrote', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      expect(fromCloudFrontBase64(toCloudFrontBase64(bytes))).toEqual(Buffer.from(bytes))
    }),
  )
})

test.each(['', 'abc', 'ab+d', 'ab/d', 'ab==', 'a b=', '____', 'a___', 'ab_c', 'ab__', 'ab__ab__', 'abd_', 'abcd\n'])(
  'refuses %j',
  (text) => expect(fromCloudFrontBase64(text)).toBeUndefined(),
)
