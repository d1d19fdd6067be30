import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { issueStamp, verifyStamp } from '../../../../shared/revocation/stamp.ts'

const key = 'Zm9yLXRlc3RzLW9ubHktZm9yLXRlc3RzLW9ubHktMDA'
const host = 'cdn.example.com'
const prefix = '/users/alice%40example.com/'
/** printf 'cdn.example.com|/users/alice%%40example.com/|1767225600' | openssl dgst -sha256 -hmac KEY -binary | basenc --base64url */
const stamp = '1767225600.QKfcj_u9nf2KhZqa531sstmRniqs6CUCGelRRhR-Tco'

test('issueStamp gives the vector', () => {
  expect(issueStamp(key, host, prefix, 1767225600)).toBe(stamp)
})

describe('verifyStamp', () => {
  test('reads back every stamp', () => {
    fc.assert(
      fc.property(fc.nat(2_000_000_000), (epoch) => {
        expect(verifyStamp(key, host, prefix, issueStamp(key, host, prefix, epoch))).toBe(epoch)
      }),
    )
  })

  test.each([
    ['another key', verifyStamp(`${key}x`, host, prefix, stamp)],
    ['another host', verifyStamp(key, 'cdn.example.org', prefix, stamp)],
    ['another prefix', verifyStamp(key, host, '/users/bob/', stamp)],
    ['another epoch', verifyStamp(key, host, prefix, stamp.replace('1767225600', '1767225601'))],
    ['another spelling of the epoch', verifyStamp(key, host, prefix, `0${stamp}`)],
    [
      'another last character',
      verifyStamp(key, host, prefix, `${stamp.slice(0, -1)}${stamp.endsWith('A') ? 'E' : 'A'}`),
    ],
    ['a shorter HMAC', verifyStamp(key, host, prefix, stamp.slice(0, -1))],
    ['no HMAC', verifyStamp(key, host, prefix, '1767225600.')],
    ['no dot', verifyStamp(key, host, prefix, '1767225600')],
    ['nothing', verifyStamp(key, host, prefix, '')],
  ])('refuses %s', (_what, epoch) => expect(epoch).toBeUndefined())
})
