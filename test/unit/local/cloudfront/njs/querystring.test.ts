import { describe, expect, it } from 'vitest'
import { forwardedQuerystring, stripSignature } from '../../../../../local/cloudfront/njs/querystring.ts'

describe('stripSignature', () => {
  it('leaves out exactly the parameters of a signed URL', () => {
    const signing = 'Expires=1&Policy=p&Signature=s&Key-Pair-Id=k&Hash-Algorithm=SHA256'
    expect(stripSignature(`a=1&${signing}&b`)).toBe('a=1&b')
    expect(stripSignature('expires=1&Policy2=x')).toBe('expires=1&Policy2=x')
  })
})

describe('forwardedQuerystring', () => {
  it.each([
    ['all', 'a=1&b=2'],
    ['none', ''],
    [{ only: ['b'] }, 'b=2'],
    [{ except: ['b'] }, 'a=1'],
  ] as const)('%j', (rule, expected) => expect(forwardedQuerystring('a=1&b=2', rule)).toBe(expected))
})
