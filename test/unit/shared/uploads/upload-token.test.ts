import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseContentType } from '../../../../shared/assets/limits.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import { formatUpload, parseUpload, type Upload } from '../../../../shared/assets/upload.ts'
import { issueUploadToken, ownerOf, readUploadToken } from '../../../../shared/uploads/upload-token.ts'

const stampKey = randomBytes(32).toString('base64url')
const upload: Upload = {
  id: 'A'.repeat(22),
  protocol: 'put',
  owner: ownerOf('alice'),
  key: parseObjectKey('users/alice/a:b'),
  size: 5,
  contentType: 'text/plain; charset="a:b"',
  checksum: undefined,
  overwrite: false,
  issuedAt: 1_799_400_000,
  expiresAt: 1_800_000_000,
  maxBytes: 100,
  depth: 2,
  storeId: undefined,
}
const codeOf = (work: () => unknown) => {
  try {
    work()
    return 'none'
  } catch (error) {
    return (error as { code: string }).code
  }
}

const keys = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
  .filter((name) => !/[*?/\\\p{Cc}\ufffd]|^\.{1,2}$/u.test(name) && Buffer.byteLength(name) < 900)
  .map((name) => parseObjectKey(`users/alice/${name}`))
const uploads: fc.Arbitrary<Upload> = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  protocol: fc.constantFrom('put', 'multipart', 'tus'),
  owner: fc.string().map(ownerOf),
  key: keys,
  size: fc.option(fc.nat(), { nil: undefined }),
  contentType: fc.constantFrom('text/plain', 'image/svg+xml', 'a/b; c="d e; f"').map(parseContentType),
  checksum: fc.constantFrom(
    undefined,
    { algorithm: 'SHA256' as const, value: `${'A'.repeat(43)}=` },
    { algorithm: 'CRC64NVME' as const, value: 'AAAAAAAAAAA=' },
  ),
  overwrite: fc.boolean(),
  issuedAt: fc.nat(),
  expiresAt: fc.nat(),
  maxBytes: fc.nat(),
  depth: fc.integer({ min: 1, max: 8 }),
  storeId: fc.option(fc.string({ unit: 'grapheme', minLength: 1 }), { nil: undefined }),
})

describe('an upload record', () => {
  it('reads back as it was written, field by field', () => {
    fc.assert(
      fc.property(uploads, (any) => {
        expect(parseUpload(formatUpload(any))).toEqual(any)
      }),
    )
  })

  it('of the longest key fits the 2 KB of S3’s metadata', () => {
    const longest = {
      ...upload,
      key: parseObjectKey(`users/${'"'.repeat(1018)}`),
      contentType: parseContentType(`a/${'b'.repeat(126)}`),
      checksum: { algorithm: 'SHA256' as const, value: `${'A'.repeat(43)}=` },
      size: Number.MAX_SAFE_INTEGER,
      maxBytes: Number.MAX_SAFE_INTEGER,
    }
    expect('upload'.length + formatUpload(longest).length).toBeLessThanOrEqual(2048)
  })

  it('that is anything else is no upload', () => {
    for (const text of ['', 'AAAA', '!', Buffer.from('1\nx').toString('base64url')]) {
      expect(codeOf(() => parseUpload(text))).toBe('ERR_UPLOAD_NOT_FOUND')
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(codeOf(() => parseUpload(text))).toBe('ERR_UPLOAD_NOT_FOUND')
      }),
    )
  })
})

describe('an upload token', () => {
  it('is read by its owner alone', () => {
    const token = issueUploadToken(upload, stampKey)
    expect(readUploadToken(token, 'alice', stampKey)).toEqual(upload)
    for (const sub of ['bob', '', 'alice ', 'Alice']) {
      expect(codeOf(() => readUploadToken(token, sub, stampKey))).toBe('ERR_UPLOAD_NOT_FOUND')
    }
  })

  it('is refused when anything of it was changed, or another key made it', () => {
    const token = issueUploadToken(upload, stampKey)
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A'
      const changed = token.slice(0, at) + other + token.slice(at + 1)
      // The last character of base64url of 32 bytes carries two unused bits: that spelling decodes to the same bytes.
      if (at === token.length - 1) continue
      expect(codeOf(() => readUploadToken(changed, 'alice', stampKey))).toBe('ERR_UPLOAD_NOT_FOUND')
    }
    for (const bad of [`${token}.x`, `x.${token}`, token.split('.')[0] ?? '', '.', '', `${token}AAAA`]) {
      expect(codeOf(() => readUploadToken(bad, 'alice', stampKey))).toBe('ERR_UPLOAD_NOT_FOUND')
    }
    expect(codeOf(() => readUploadToken(token, 'alice', `${stampKey}x`))).toBe('ERR_UPLOAD_NOT_FOUND')
  })

  it('binds each field, and none runs into the next', () => {
    const macs = new Set<string>()
    const variants: Upload[] = [
      upload,
      { ...upload, size: 6 },
      { ...upload, size: undefined },
      { ...upload, key: parseObjectKey('users/alice/a'), contentType: 'b/c' },
      { ...upload, overwrite: true },
      { ...upload, issuedAt: upload.issuedAt + 1 },
      { ...upload, expiresAt: upload.expiresAt + 1 },
      { ...upload, maxBytes: 101 },
      { ...upload, depth: 3 },
      { ...upload, protocol: 'multipart', storeId: '5' },
    ]
    for (const variant of variants) macs.add(issueUploadToken(variant, stampKey).split('.')[1] ?? '')
    expect(macs.size).toBe(variants.length)
  })
})
