import { describe, expect, it } from 'vitest'
import { parseDeclaration } from '../../../../shared/uploads/declaration.ts'

const parse = (changes: Partial<Parameters<typeof parseDeclaration>[0]> = {}) =>
  parseDeclaration({ key: 'users/alice/a', size: 1, ...changes }, { maxBytes: 100, maxKeyLength: 1024 })

describe('a declaration', () => {
  it('does not overwrite unless it says so', () => {
    expect(parse().overwrite).toBe(false)
    expect(parse({ overwrite: undefined }).overwrite).toBe(false)
    expect(parse({ overwrite: true }).overwrite).toBe(true)
  })

  it.each([undefined, null, ''])('with the content type %j is about a stream of bytes', (contentType) => {
    expect(parse({ contentType }).contentType).toBe('application/octet-stream')
  })

  it('keeps a content type that it knows, and refuses what is none', () => {
    expect(parse({ contentType: 'Video/MP4' }).contentType).toBe('video/mp4')
    expect(() => parse({ contentType: ' ' })).toThrow(expect.objectContaining({ code: 'ERR_CONTENT_TYPE' }))
  })

  it('has a size up to the limit, or none', () => {
    expect(parse({ size: 100 }).size).toBe(100)
    expect(parse({ size: 0 }).size).toBe(0)
    expect(parse({ size: undefined }).size).toBeUndefined()
    expect(() => parse({ size: 101 })).toThrow(expect.objectContaining({ code: 'ERR_TOO_LARGE' }))
    expect(() => parse({ size: -1 })).toThrow(expect.objectContaining({ code: 'ERR_SIZE' }))
  })
})
