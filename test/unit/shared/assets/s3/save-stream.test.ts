import { PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { parseObjectKey } from '../../../../../shared/assets/object-key.ts'
import { saveStreamToS3 } from '../../../../../shared/assets/s3/save-stream.ts'
import { createMemoryS3 } from '../../../../support/memory-s3.ts'

const name = 'users/alice/a.bin'
const key = parseObjectKey(name, 1024)

async function* pieces(length: number) {
  yield Buffer.alloc(length, 'n')
}

describe('a stream that replaces an object', () => {
  it.each([
    ['in parts', 9 * 1024 ** 2, 'CompleteMultipartUploadCommand'],
    ['in one request', 100, 'PutObjectCommand'],
  ])('never replaces one that it has not seen, %s', async (_how, length, command) => {
    for (const first of ['before', undefined]) {
      const s3 = createMemoryS3()
      const put = (body: string) => s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: name, Body: body }))
      if (first !== undefined) await put(first)
      let isContested = true
      s3.onStep = async (step, phase) => {
        if (step !== command || phase !== 'before' || !isContested) return
        isContested = false
        await put('of another')
      }
      const location = { client: s3.client, bucket: s3.bucket, keyPrefix: '', conditionalCopy: 'native' } as const
      const save = () =>
        saveStreamToS3(location, key, pieces(length), 'text/plain', { overwrite: true, size: undefined })
      await expect(save()).rejects.toMatchObject({ name: 'ServiceError', code: 'ERR_STORE_UNAVAILABLE' })
      expect(Buffer.from(s3.objects.get(name)?.body ?? []).toString()).toBe('of another')
      expect((await save()).size).toBe(length)
    }
  })
})
