import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBelow, keyPath, parseKeyPrefix, parseObjectKey } from '../../../../shared/assets/object-key.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { isCanonicalPath } from '../../../../shared/read/canonical-path.ts'

const code = (parse: () => unknown) => {
  try {
    parse()
    return 'parsed'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('parseObjectKey', () => {
  it.each([
    'users/alice/photo.jpg',
    'users/alice/ü/日本 (1)!.txt',
    'a/b',
    'users/alice/..hidden',
    'users/a%2e/b',
    'a/~',
  ])('takes %j as it is', (key) => expect(parseObjectKey(key)).toBe(key))

  it.each([
    '',
    'file',
    '/users/a',
    'users/a/',
    'users//a',
    'users/./a',
    'users/../a',
    '..',
    'a\\b/c',
    'a/b\\c',
    'a/\u0000',
    'a/\u001f',
    'a/\u007f',
    'a/\u0085',
    'a/*',
    'a/b?c',
    'a/\ud800',
    'a/\udc00b',
    'a/\ufffd',
    Buffer.from([0x61, 0x2f, 0xff]).toString(),
    `a/${'x'.repeat(1023)}`,
    `a/${'é'.repeat(512)}`,
  ])('refuses %j', (key) => expect(code(() => parseObjectKey(key))).toBe('ERR_KEY_INVALID'))

  it.each(['_edge/a', '_incoming/x', '_state/revocations.json', '_State/x', '_EDGE/pages/403.html'])(
    'keeps %j for the service',
    (key) => expect(code(() => parseObjectKey(key))).toBe('ERR_KEY_RESERVED'),
  )

  it('leaves room for a key prefix', () => {
    expect(code(() => parseObjectKey(`a/${'x'.repeat(98)}`, 100))).toBe('parsed')
    expect(code(() => parseObjectKey(`a/${'x'.repeat(99)}`, 100))).toBe('ERR_KEY_INVALID')
  })

  it('makes paths that only one spelling has, whatever the text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 4 }), (segments) => {
        const text = segments.join('/')
        if (code(() => parseObjectKey(text)) !== 'parsed') return
        const path = keyPath(parseObjectKey(text))
        expect(isCanonicalPath(path)).toBe(true)
        expect(decodeURIComponent(path)).toBe(`/${text}`)
        expect(path).not.toMatch(/[*?#"\\<> ]/)
      }),
      { numRuns: 500 },
    )
  })
})

describe('isBelow', () => {
  const alice = parseResourcePrefix('/users/alice/')
  it('ends at the segment', () => {
    expect(isBelow(parseObjectKey('users/alice/a'), alice)).toBe(true)
    for (const key of ['users/alice2/a', 'users/alice', 'users/Alice/a', 'users/bob/alice/a']) {
      expect(isBelow(parseObjectKey(key), alice)).toBe(false)
    }
  })

  it('holds for a list only where all of it is below', () => {
    expect(isBelow(parseKeyPrefix('users/alice/'), alice)).toBe(true)
    expect(isBelow(parseKeyPrefix('users/alice/pho'), alice)).toBe(true)
    for (const prefix of ['users/', 'users/alice', 'users/ali', 'users']) {
      expect(isBelow(parseKeyPrefix(prefix), alice)).toBe(false)
    }
    for (const prefix of ['', '/', 'users//', '../', '*'])
      expect(code(() => parseKeyPrefix(prefix))).toBe('ERR_KEY_INVALID')
  })
})
