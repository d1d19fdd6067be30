import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { S3Client } from '@aws-sdk/client-s3'
import { afterEach, expect, it } from 'vitest'
import { createS3Object } from '../../../../../shared/aws/sdk/s3-object.ts'

let stop: () => void
afterEach(() => stop())

/** An object in an S3 that gives this answer to everything. */
async function objectIn(status: number, code: string) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    response.writeHead(status, { 'content-type': 'application/xml' })
    response.end(status < 300 ? '' : `<Error><Code>${code}</Code></Error>`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
  })
  stop = () => {
    client.destroy()
    server.close()
  }
  return { object: createS3Object(client, { Bucket: 'b', Key: 'k', ContentType: 'text/plain' }), requests }
}

it('removes the version that was read, and no other', async () => {
  const { object, requests } = await objectIn(204, '')
  expect(await object.remove('"v1"')).toBe('removed')
  expect(requests.map(({ method, headers }) => [method, headers['if-match']])).toEqual([['DELETE', '"v1"']])
})

it('saves on the version that was read; the first save only where there is no object', async () => {
  const { object, requests } = await objectIn(200, '')
  await object.save('{}', undefined)
  await object.save('{}', '"v1"')
  const conditions = requests.map(({ headers }) => [headers['if-none-match'], headers['if-match']])
  expect(conditions).toEqual([
    ['*', undefined],
    [undefined, '"v1"'],
  ])
})

it('says that somebody else changed it', async () => {
  const { object } = await objectIn(412, 'PreconditionFailed')
  expect(await object.remove('"v1"')).toBe('changed-meanwhile')
  expect(await object.save('{}', '"v1"')).toBe('changed-meanwhile')
})

it('throws what is no answer to the condition', async () => {
  const { object } = await objectIn(404, 'NoSuchBucket')
  for (const attempt of [() => object.load(), () => object.save('{}', undefined), () => object.remove('"v1"')]) {
    await expect(attempt()).rejects.toThrow(expect.objectContaining({ name: 'NoSuchBucket' }))
  }
})
