import { expect, it } from 'vitest'
import type { Upload } from '../../../../shared/assets/upload.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import type { Revocation } from '../../../../shared/revocation/state.ts'
import { isUploadRevoked } from '../../../../shared/uploads/upload-token.ts'
import { uploadOf } from '../../../contract/store-under-test.ts'

const upload = (changes: Partial<Upload> = {}) =>
  uploadOf('users/alice/a/file.txt', Buffer.from('x'), { issuedAt: 100, depth: 2, ...changes })
const revoked = (prefix: string, change: Partial<Revocation> = {}, of = upload()) => {
  const entry = { prefix: parseResourcePrefix(prefix), before: 100, expires: 1000, ...change }
  return isUploadRevoked({ revocations: [entry] }, of)
}

it('is an upload below the prefix, whose ticket is not newer than the revocation', () => {
  expect(revoked('/users/alice/')).toBe(true)
  expect(revoked('/users/alice/', { before: 99 })).toBe(false)
  expect(isUploadRevoked({ revocations: [] }, upload())).toBe(false)
})

it('is about the granted prefix: one dependencies it and one within it count, as for a session, another one does not', () => {
  expect(revoked('/users/')).toBe(true)
  expect(revoked('/users/alice/b/')).toBe(true)
  expect(revoked('/users/alice/b/', {}, upload({ depth: 3 }))).toBe(false)
  for (const other of ['/users/alic/', '/users/alice2/', '/users/bob/', '/teams/alice/']) {
    expect(revoked(other), other).toBe(false)
  }
})

it('is the upload of the one subject that a revocation means', () => {
  expect(revoked('/users/alice/', { sub: 'alice' })).toBe(true)
  expect(revoked('/users/alice/', { sub: 'bob' })).toBe(false)
})

it('finds keys in the spelling of prefixes', () => {
  const spelt = uploadOf('users/a@b c/x.txt' as Upload['key'], Buffer.from('x'), { issuedAt: 100 })
  expect(revoked('/users/a%40b%20c/', {}, spelt)).toBe(true)
})
