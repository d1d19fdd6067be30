import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacSha256 } from '../../../shared/crypto.ts'

const theirs = (key: string, text: string) => createHmac('sha256', key).update(text, 'utf8').digest('base64url')

test('is HMAC-SHA256, whatever key and text come after each other', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 300, maxLength: 400, unit: 'binary' }))
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 }), (pairs) => {
      for (const [key, message] of pairs) expect(hmacSha256(key, message)).toBe(theirs(key, message))
    }),
  )
})

test.each([63, 64, 65])('takes a key of %d bytes', (length) => {
  expect(hmacSha256('k'.repeat(length), 'text')).toBe(theirs('k'.repeat(length), 'text'))
})

test.each([0, 341, 342, 1024, 5000])('takes a text of %d characters, of three bytes each', (length) => {
  for (const c of ['a', '\u20ac']) expect(hmacSha256('key', c.repeat(length))).toBe(theirs('key', c.repeat(length)))
})

// RFC 4231 section 4.3.
test('gives the value of the RFC', () => {
  const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
  expect(Buffer.from(hmacSha256('Jefe', 'what do ya want for nothing?'), 'base64url').toString('hex')).toBe(expected)
})
