import { S3Client } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { parseObjectKey } from '../../../../../shared/assets/object-key.ts'
import { s3ClientDefaults } from '../../../../../shared/assets/s3/location.ts'
import { createS3Presign, presignedEnd } from '../../../../../shared/assets/s3/presign.ts'

const now = 1_800_000_000
const client = (more: { sessionToken?: string; expiration?: Date }) =>
  new S3Client({
    ...s3ClientDefaults,
    region: 'eu-west-1',
    credentials: async () => ({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret', ...more }),
  })
const token = { sessionToken: 'token' }

describe('a presigned URL', () => {
  it('ends with its credentials, not after', async () => {
    const ending = client({ ...token, expiration: new Date((now + 100) * 1000 + 999) })
    expect(await presignedEnd(ending, 3600, now)).toBe(now + 100)
    expect(await presignedEnd(ending, 60, now)).toBe(now + 60)
  })

  it('lives as long as asked with a user’s keys, 15 minutes at most with a role that does not tell its end', async () => {
    expect(await presignedEnd(client({}), 3600, now)).toBe(now + 3600)
    expect(await presignedEnd(client(token), 3600, now)).toBe(now + 900)
    expect(await presignedEnd(client(token), 60, now)).toBe(now + 60)
  })

  it('says so in its own parameters, from the same clock', async () => {
    const ending = client({ ...token, expiration: new Date((now + 100) * 1000) })
    const presign = createS3Presign({ client: ending, bucket: 'assets', keyPrefix: 'p/', conditionalCopy: 'native' })
    const { url, expiresAt } = await presign({ key: parseObjectKey('users/alice/a b') }, 3600, now)
    expect(expiresAt).toBe(now + 100)
    const { pathname, hostname, searchParams } = new URL(url)
    expect([hostname, pathname]).toEqual(['assets.s3.eu-west-1.amazonaws.com', '/p/users/alice/a%20b'])
    expect(searchParams.get('X-Amz-Expires')).toBe('100')
    expect(searchParams.get('X-Amz-Date')).toBe('20270115T080000Z')
  })

  it('is refused once the credentials have ended', async () => {
    const ended = client({ ...token, expiration: new Date((now - 1) * 1000) })
    const presign = createS3Presign({ client: ended, bucket: 'assets', keyPrefix: '', conditionalCopy: 'native' })
    await expect(presign({ key: parseObjectKey('a/b') }, 3600, now)).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    })
  })
})
