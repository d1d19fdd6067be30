/** Refusals of the S3 server: every field that the signature of a ticket binds, changed one at a time. */
import { createHash, randomBytes } from 'node:crypto'
import { PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AssetStore, UploadRequest } from '../../../shared/assets/asset-store.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { formatUpload, type Upload } from '../../../shared/assets/upload.ts'
import { publishIncoming } from '../../../shared/uploads/publish.ts'
import { codeOf, uploadOf } from '../../contract/store-under-test.ts'
import { deliver } from '../../support/deliver.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { type S3Server, startS3Server } from '../../support/s3-server.ts'

const body = Buffer.from('the bytes of the file')
const now = () => Math.floor(Date.now() / 1000)
let server: S3Server
let store: AssetStore

beforeAll(async () => {
  server = await startS3Server()
  const { client, bucket } = server
  store = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: 'native', ticketSeconds: 600 })
})
afterAll(() => server?.stop())

const upload = (changes = {}) => uploadOf('users/alice/file.bin', body, changes)
const withHeader = (request: UploadRequest, name: string, value: string): UploadRequest => ({
  ...request,
  headers: { ...request.headers, [name]: value },
})
const withoutHeader = (request: UploadRequest, name: string): UploadRequest => ({
  ...request,
  headers: Object.fromEntries(Object.entries(request.headers).filter(([key]) => key !== name)),
})

describeOnS3('a presigned PUT', () => {
  it('is accepted once', async () => {
    const request = await store.receive(upload(), now())
    expect(await deliver(request, body)).toEqual({ status: 200, text: '' })
    expect((await deliver(request, body)).text).toContain('PreconditionFailed')
  })

  it('is accepted with CRC64NVME and refused with another one', async () => {
    const value = 'Z8MsuOUOuTU='
    const crc = { algorithm: 'CRC64NVME', value } as const
    const wrong = await deliver(await store.receive(upload({ checksum: crc }), now()), Buffer.alloc(body.length))
    expect(wrong.text).toContain('BadDigest')
    const unchecked = await deliver(await store.receive(upload({ checksum: undefined }), now()), body)
    expect(unchecked.status).toBe(200)
  })

  const changed: [what: string, change: (request: UploadRequest) => [UploadRequest, Uint8Array], code: string][] = [
    ['a shorter body', (r) => [r, body.subarray(1)], 'SignatureDoesNotMatch'],
    ['a longer body', (r) => [r, Buffer.concat([body, body])], 'SignatureDoesNotMatch'],
    ['other bytes of the same length', (r) => [r, Buffer.alloc(body.length, 1)], 'BadDigest'],
    ['another content type', (r) => [withHeader(r, 'content-type', 'text/html'), body], 'SignatureDoesNotMatch'],
    ['no content type', (r) => [withoutHeader(r, 'content-type'), body], 'SignatureDoesNotMatch'],
    [
      'another checksum',
      (r) => [withHeader(r, 'x-amz-checksum-sha256', sha256(Buffer.alloc(body.length))), Buffer.alloc(body.length)],
      'SignatureDoesNotMatch',
    ],
    ['no checksum', (r) => [withoutHeader(r, 'x-amz-checksum-sha256'), body], 'SignatureDoesNotMatch'],
    ['no If-None-Match', (r) => [withoutHeader(r, 'if-none-match'), body], 'SignatureDoesNotMatch'],
    ['another declaration', (r) => [withHeader(r, 'x-amz-meta-upload', 'bWluZQ'), body], 'SignatureDoesNotMatch'],
    ['no declaration', (r) => [withoutHeader(r, 'x-amz-meta-upload'), body], 'SignatureDoesNotMatch'],
    ['metadata of its own', (r) => [withHeader(r, 'x-amz-meta-extra', '1'), body], 'AccessDenied'],
    ['an ACL', (r) => [withHeader(r, 'x-amz-acl', 'public-read'), body], 'AccessDenied'],
    ['another key', (r) => [{ ...r, url: r.url.replace('/_incoming/', '/users/bob/') }, body], 'SignatureDoesNotMatch'],
    [
      'a longer life',
      (r) => [{ ...r, url: r.url.replace('Expires=600', 'Expires=601') }, body],
      'SignatureDoesNotMatch',
    ],
    ['a tampered signature', (r) => [{ ...r, url: flipSignature(r.url) }, body], 'SignatureDoesNotMatch'],
    ['another method', (r) => [{ ...r, method: 'POST' }, body], ''],
  ]
  it.each(changed)('is refused with %s', async (_what, change, code) => {
    const declared = upload()
    const answer = await deliver(...change(await store.receive(declared, now())))
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.text).toContain(code)
    expect(await store.incoming(declared.id)).toBeUndefined()
  })

  it('is refused when it has expired', async () => {
    const answer = await deliver(await store.receive(upload(), now() - 601), body)
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('expired')
  })
})

describeOnS3('a POST policy', () => {
  const request = async (changes = {}) => {
    if (store.receiveForm === undefined) throw new Error('the S3 store has forms')
    return store.receiveForm(upload({ size: undefined, maxBytes: 30, ...changes }), now())
  }

  it('is accepted up to its limit', async () => {
    expect((await deliver(await request(), body)).status).toBe(204)
    expect((await deliver(await request(), Buffer.alloc(31))).text).toContain('EntityTooLarge')
  })

  it.each([
    ['key', 'users/bob/file'],
    ['Content-Type', 'text/html'],
    ['x-amz-meta-upload', 'bWluZQ'],
    ['x-amz-meta-extra', '1'],
    ['acl', 'public-read'],
  ])('is refused with another %s', async (field, value) => {
    const form = await request()
    const answer = await deliver({ ...form, fields: { ...form.fields, [field]: value } }, body)
    expect(answer.status).toBe(403)
  })

  it('is refused when the policy was changed', async () => {
    const form = await request()
    const policy = Buffer.from(form.fields?.Policy ?? '', 'base64')
      .toString()
      .replace('30]', '99]')
    const fields = { ...form.fields, Policy: Buffer.from(policy).toString('base64') }
    expect((await deliver({ ...form, fields }, body)).text).toContain('SignatureDoesNotMatch')
  })
})

describeOnS3('what came to the incoming area by another way', () => {
  const put = async (declared: Upload, changes: Partial<PutObjectCommandInput>) => {
    const { checksum } = declared
    await server.client.send(
      new PutObjectCommand({
        Bucket: server.bucket,
        Key: `_incoming/${declared.id}`,
        Body: body,
        ContentType: declared.contentType,
        ChecksumSHA256: checksum?.value,
        Metadata: { upload: formatUpload(declared) },
        ...changes,
      }),
    )
    const options = { store, cdn: { invalidate: async () => {} }, quotaBytes: null, isRevoked: async () => false }
    return codeOf(publishIncoming(declared.id, options))
  }
  const other = Buffer.alloc(body.length, 1)
  const fresh = (changes: Partial<Upload> = {}) =>
    uploadOf(`users/alice/${randomBytes(4).toString('hex')}`, body, changes)

  it('is published only if it matches its declaration', async () => {
    expect(await put(fresh(), {})).toBe('resolved')
    const wrong: [Upload, Partial<PutObjectCommandInput>][] = [
      [fresh({ size: body.length + 1 }), {}],
      [fresh({ maxBytes: body.length - 1 }), {}],
      [fresh(), { ContentType: 'text/html' }],
      [fresh(), { Body: other, ChecksumSHA256: sha256(other) }],
      [fresh(), { ChecksumSHA256: undefined, ChecksumAlgorithm: 'CRC64NVME' }],
      [fresh(), { Metadata: { upload: formatUpload(fresh()) } }],
    ]
    for (const [declared, changes] of wrong) {
      expect(await put(declared, changes)).toBe('ERR_UPLOAD_MISMATCH')
      expect(await store.describe(declared.key)).toBeUndefined()
    }
    const undeclared = fresh()
    expect(await put(undeclared, { Metadata: {} })).toBe('resolved')
    expect(await store.describe(undeclared.key)).toBeUndefined()
  })
})

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

function flipSignature(url: string): string {
  return url.replace(/(X-Amz-Signature=)(.)/, (_all, name, digit) => name + (digit === '0' ? '1' : '0'))
}
