/** The last comparison before others can read a file: what lies in the incoming area, with what was declared for it. */
import { createHash } from 'node:crypto'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { createS3Store } from '../../../../shared/assets/s3/store.ts'
import { formatUpload, type Upload } from '../../../../shared/assets/upload.ts'
import { publishIncoming } from '../../../../shared/uploads/publish.ts'
import { codeOf, uploadOf } from '../../../contract/store-under-test.ts'
import { createMemoryS3 } from '../../../support/memory-s3.ts'

const body = Buffer.from('declared')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

/** Publishes an object that came by a way that compared nothing. */
async function publish(
  changes: Partial<Upload>,
  sent: { bytes?: Buffer; type?: string; name?: string; sum?: boolean } = {},
) {
  const { client, bucket, objects } = createMemoryS3()
  const store = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: 'native', ticketSeconds: 600 })
  const upload = uploadOf('users/alice/a', body, changes)
  const { bytes = body, type = upload.contentType, name = upload.id, sum = true } = sent
  await client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: `_incoming/${name}`,
      Body: bytes,
      ContentType: type,
      Metadata: { upload: formatUpload(upload) },
      ...(sum ? { ChecksumSHA256: sha256(bytes) } : {}),
    }),
  )
  const options = { store, cdn: { invalidate: async () => {} }, quotaBytes: null, isRevoked: async () => false }
  const code = await codeOf(publishIncoming(name, options))
  return { code, isThere: objects.has('users/alice/a'), isKept: objects.has(`_incoming/${name}`) }
}

const published = { code: 'resolved', isThere: true, isKept: false }
const refused = { code: 'ERR_UPLOAD_MISMATCH', isThere: false, isKept: true }

describe('what has arrived', () => {
  it('is published where it is what was declared, or nothing of it was', async () => {
    expect(await publish({})).toEqual(published)
    expect(await publish({ size: undefined, checksum: undefined }, { sum: false })).toEqual(published)
  })

  it.each<[string, Partial<Upload>, Parameters<typeof publish>[1]]>([
    ['is longer', { checksum: undefined }, { bytes: Buffer.from('declared and more') }],
    ['is shorter', { checksum: undefined }, { bytes: Buffer.from('decl') }],
    ['is of another type', {}, { type: 'text/html' }],
    ['has another checksum', {}, { bytes: Buffer.from('DECLARED') }],
    ['has no checksum where one was declared', {}, { sum: false }],
    ['has a checksum of another algorithm', { checksum: { algorithm: 'CRC64NVME', value: 'AAAAAAAAAAA=' } }, {}],
    ['is longer than what was allowed for an undeclared size', { size: undefined, maxBytes: 7 }, {}],
    ['is the declaration of another upload', {}, { name: 'x'.repeat(22) }],
  ])('is not published where it %s, and is kept', async (_what, changes, sent) => {
    expect(await publish(changes, sent)).toEqual(refused)
  })
})
