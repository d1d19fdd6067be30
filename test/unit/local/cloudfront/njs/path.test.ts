import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalisePath, splitTarget } from '../../../../../local/cloudfront/njs/path.ts'

describe('normalisePath', () => {
  it.each([
    ['/users/alice/x', '/users/alice/x'],
    ['/users/%61lice/x', '/users/alice/x'],
    ['/users/a%2fb', '/users/a%2Fb'],
    ['/public/../users/bob/x', '/users/bob/x'],
    ['/public/%2e%2E/users/bob', '/users/bob'],
    ['/public/%2E%2E%2Fusers', '/public/..%2Fusers'],
    ['/a/./b/.', '/a/b/'],
    ['/a/b/..', '/a/'],
    ['/../../a', '/a'],
    ['//users/alice', '//users/alice'],
    ['/a/...', '/a/...'],
    ['/a/.hidden', '/a/.hidden'],
    ['/%zz', '/%zz'],
  ])('%s is matched as %s', (raw, matched) => expect(normalisePath(raw)).toBe(matched))

  it('changes nothing the second time, and agrees with the URL standard where that has no rules of its own', () => {
    const segment = fc.constantFrom('a', 'B', '.', '..', '%2e', '%2E%2e', '%41', '%20', '', 'x.y')
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), (segments) => {
        const raw = `/${segments.join('/')}`
        const once = normalisePath(raw)
        expect(normalisePath(once)).toBe(once)
        const decoded = raw.replace(/%2e/gi, '.').replace(/%41/g, 'A')
        expect(once).toBe(new URL(`http://h${decoded}`).pathname)
      }),
    )
  })
})

describe('splitTarget', () => {
  it.each([
    ['/a', '/a', ''],
    ['/a?b=c?d', '/a', 'b=c?d'],
    ['/a?', '/a', ''],
    ['/a#b?c', '/a', ''],
  ])('%s', (target, path, querystring) => expect(splitTarget(target)).toEqual({ path, querystring }))
})
