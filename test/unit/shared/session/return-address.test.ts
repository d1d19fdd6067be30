import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readQueryParameter } from '../../../../shared/http/query.ts'
import { parseAllowedOrigins } from '../../../../shared/read/cors.ts'
import { parseReturnAddress } from '../../../../shared/session/return-address.ts'

const isAllowed = parseAllowedOrigins(['https://app.example.com', 'http://localhost:*'])
const here = 'https://cdn.example.com/_edge/session?return=x'

function parse(value: string) {
  try {
    return parseReturnAddress(value, isAllowed)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_RETURN_INVALID' })
    return undefined
  }
}

describe('parseReturnAddress', () => {
  // What counts is what a browser makes of `Location`: the WHATWG parser stands for it.
  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      '//',
      '\\',
      '%2f',
      '%5C',
      '%252f',
      '%255c',
      '..',
      '../http',
      '%2e',
      '\t',
      '\n',
      '%09',
      '%0a',
      '@',
      ':',
      '?',
      '#',
    ),
    fc.constantFrom(
      'evil.test',
      'app.example.com',
      'https:',
      'http://',
      'users',
      'a%20b',
      '\u65e5',
      '%',
      '%25',
      ' ',
      '\ud800',
    ),
  )
  const address = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''))

  test('never leads elsewhere, however it is put together', () => {
    let accepted = 0
    fc.assert(
      fc.property(
        fc.oneof(
          address,
          address.map((rest) => `/${rest}`),
          address.map((rest) => `https://app.example.com${rest}`),
        ),
        (value) => {
          const target = parse(value)
          if (target === undefined) return
          accepted++
          expect(target.location).toMatch(/^[\x21-\x7e]+$/)
          const { origin, pathname } = new URL(target.location, here)
          if (target.kind === 'local') {
            expect(origin).toBe('https://cdn.example.com')
            // The path that is compared with the grants is the one that the browser asks for.
            expect(new URL(target.path, here).pathname).toBe(pathname)
            expect(target.path.toLowerCase()).toBe(pathname.toLowerCase())
          } else expect(isAllowed(origin)).toBe(true)
        },
      ),
      { numRuns: 5000 },
    )
    expect(accepted).toBeGreaterThan(200)
  })

  test('decodes to no other path, however often somebody decodes it', () => {
    fc.assert(
      fc.property(address, (value) => {
        let path = parse(`/${value}`)?.location.replace(/[?#].*/s, '')
        for (let layer = 0; path !== undefined && layer < 6; layer++) {
          expect(path).not.toMatch(/^\/[/\\]|\\|\/\.\.(\/|$)/)
          try {
            path = decodeURIComponent(path)
          } catch {
            break
          }
        }
      }),
      { numRuns: 5000 },
    )
  })
})

describe('readQueryParameter', () => {
  test.each([
    ['', undefined],
    ['a=1', undefined],
    ['return=', ''],
    ['return', ''],
    ['a=1&return=%2Fx%3Da&b', '/x=a'],
    ['return=a=b', 'a=b'],
    ['return=a+b', 'a+b'],
    ['Return=x', undefined],
    ['xreturn=1', undefined],
  ])('%j', (querystring, value) => {
    expect(readQueryParameter(querystring, 'return')).toBe(value)
  })

  test.each(['return=1&return=1', 'return=1&return', 'return=%', 'return=%zz', 'return=%C0%80', 'return=%ED%A0%80'])(
    '%j is refused',
    (querystring) => {
      expect(() => readQueryParameter(querystring, 'return')).toThrow(
        expect.objectContaining({ code: 'ERR_REQUEST_INVALID' }),
      )
    },
  )
})
