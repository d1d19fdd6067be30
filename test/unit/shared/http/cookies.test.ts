import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCookies } from '../../../../shared/http/cookies.ts'

const plain = (header: string | undefined) => Object.fromEntries(readCookies(header))

describe('readCookies', () => {
  test.each([
    [undefined, {}],
    ['', {}],
    [';;; ;', {}],
    ['a', {}],
    ['=b', {}],
    ['a=1', { a: ['1'] }],
    ['a=1; b=2', { a: ['1'], b: ['2'] }],
    ['a=1;b=2;', { a: ['1'], b: ['2'] }],
    ['  a = 1 ;\tb=2', { a: ['1'], b: ['2'] }],
    [
      '\u00a0a=1; b\u2003=2; \ufeffc=3; d=\u00a04',
      { '\u00a0a': ['1'], 'b\u2003': ['2'], '\ufeffc': ['3'], d: ['\u00a04'] },
    ],
    ['a=1; a=2; A=3', { a: ['1', '2'], A: ['3'] }],
    ['a=; b', { a: [''] }],
    ['b; a=x=y==', { a: ['x=y=='] }],
    ['x; y; a=1; z', { a: ['1'] }],
    ['a="q"; b=%41%ff', { a: ['"q"'], b: ['%41%ff'] }],
  ])('%j', (header, cookies) => {
    expect(plain(header)).toEqual(cookies)
  })

  test('takes no name for a property of Object', () => {
    const cookies = readCookies('__proto__=1; constructor=2')
    expect([cookies.get('__proto__'), cookies.get('constructor'), cookies.get('toString')]).toEqual([
      ['1'],
      ['2'],
      undefined,
    ])
  })

  test('finds every value again, whatever stands between', () => {
    const name = fc.stringMatching(/^[a-z-]{1,8}$/)
    const value = fc.stringMatching(/^[\w.~%-]{0,12}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), fc.constantFrom(';', '; ', ' ;\t'), (pairs, separator) => {
        const cookies = readCookies(pairs.map(([n, v]) => `${n}=${v}`).join(separator))
        for (const [n] of pairs) expect(cookies.get(n)).toEqual(pairs.filter(([m]) => m === n).map(([, v]) => v))
      }),
    )
  })

  test('reads anything', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (header) => void readCookies(header)))
  })

  // Guards against looking for `=` from every `;` on: that took minutes for a header of this size.
  test.each([';', ';a', 'a=1;', '=;', ' '])('takes linear time for %j repeated', (part) => {
    const header = `${part.repeat(1_000_000)}z=1`
    const before = process.cpuUsage()
    readCookies(header)
    expect(process.cpuUsage(before).user).toBeLessThan(4_000_000)
  })
})
