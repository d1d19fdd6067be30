/** Refusals on the upload path as clients see them: typed, readable to pages of allowed origins, and the same behind each upload server. */
import { Buffer } from 'node:buffer'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { problems } from '../../../shared/errors.ts'
import { type Answer, type Send, send } from '../../support/http-client.ts'
import { uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type TusTicket, type UploadTarget } from './upload-target.ts'

const tus = { 'tus-resumable': '1.0.0' }
const octets = { ...tus, 'content-type': 'application/offset+octet-stream' }
const origin = 'https://app.example.test:8443'

describe.each(uploadServerKinds())('refusals behind %s', (kind) => {
  let target: UploadTarget
  let ticket: TusTicket
  let token: string
  let begun: string
  beforeAll(async () => {
    target = await startUploadTarget(kind)
    const first = await target.ticket({ key: 'users/alice/begun.txt', size: 5 })
    const created = await ask('POST', '/files/', { ...first.headers, 'upload-length': '5' })
    begun = new URL(String(created.headers.location)).pathname
    ticket = await target.ticket({ key: 'users/alice/a.txt', size: 5 })
    token = Buffer.from(ticket.metadata['upload-token'] ?? '').toString('base64')
  })
  afterAll(() => target?.stop())

  const ask = (method: string, path: string, headers: Send['headers'] = {}, body?: string): Promise<Answer> =>
    send(target.url, { method, path, headers: { ...tus, ...headers }, ...(body === undefined ? {} : { body }) })
  const create = (metadata: string, headers: Send['headers'] = {}) =>
    ask('POST', '/files/', { 'upload-length': '5', 'upload-metadata': metadata, ...headers })

  function expectProblem(answer: Answer, code: keyof typeof problems, what = '') {
    const [status, title] = problems[code]
    const { 'content-type': type, 'cache-control': cache } = answer.headers
    expect([answer.status, type, cache], `${what} ${answer.text}`).toEqual([
      status,
      'application/problem+json',
      'no-store',
    ])
    expect(JSON.parse(answer.text), what).toMatchObject({ status, code, title })
  }

  it('have a type for a creation without a ticket', async () => {
    for (const metadata of [
      '',
      'filename YQ==',
      'upload-token',
      'upload-token ',
      'upload-token !!!',
      'upload-token a b',
      ',,,',
      `upload-token ${token},upload-token ${token}`,
      `upload-token ${token},`,
      'x'.repeat(9000),
      `upload-token ${Buffer.from('junk').toString('base64')}`,
    ]) {
      expectProblem(await create(metadata), 'ERR_UPLOAD_NOT_FOUND', metadata.slice(0, 60))
    }
  })

  it('have a type for a disabled extension', async () => {
    for (const concat of ['partial', 'final;/files/a /files/b']) {
      expectProblem(await create(`upload-token ${token}`, { 'upload-concat': concat }), 'ERR_NOT_IMPLEMENTED')
    }
    expectProblem(await create(`upload-token ${token}`, { 'upload-length': '6' }), 'ERR_UPLOAD_MISMATCH')
    // What a field holds is that field's alone.
    for (const override of ['PATCH|', 'PATCH known', 'none', '|', ' | ', 'GET'])
      expectProblem(await create('', { 'x-http-method-override': override }), 'ERR_METHOD_NOT_ALLOWED', override)
    for (const concat of ['|', '|1', 'whole ticket'])
      expectProblem(await create('', { 'upload-concat': concat }), 'ERR_NOT_IMPLEMENTED', concat)
    for (const length of ['-1', '1e3', undefined]) {
      const answer = await create(`upload-token ${token}`, { 'upload-length': length })
      expectProblem(answer, 'ERR_REQUEST_INVALID', String(length))
    }
  })

  it('have the same type on every repetition', async () => {
    for (let time = 0; time < 20; time++) {
      expectProblem(await create(`upload-token ${token}`, { 'upload-length': '6' }), 'ERR_UPLOAD_MISMATCH')
    }
  })

  it('have a type for an upload in progress', async () => {
    const nowhere = `/files/${'a'.repeat(22)}`
    expectProblem(await ask('PATCH', nowhere, { ...octets, 'upload-offset': '0' }, 'x'), 'ERR_UPLOAD_NOT_FOUND')
    expectProblem(await ask('PATCH', begun, { ...octets, 'upload-offset': '3' }, 'x'), 'ERR_UPLOAD_OFFSET')
    expectProblem(await ask('PATCH', begun, octets, 'x'), 'ERR_REQUEST_INVALID')
    expectProblem(
      await ask('PATCH', begun, { ...octets, 'content-type': 'text/plain', 'upload-offset': '0' }, 'x'),
      'ERR_REQUEST_INVALID',
    )
    expectProblem(
      await ask('PATCH', begun, { ...octets, 'tus-resumable': undefined, 'upload-offset': '0' }, 'x'),
      'ERR_TUS_VERSION',
    )
    const head = await ask('HEAD', nowhere)
    expect([head.status, head.headers['content-type']]).toEqual([404, 'application/problem+json'])
    expectProblem(await ask('GET', begun), 'ERR_METHOD_NOT_ALLOWED')
    expectProblem(await ask('PUT', begun), 'ERR_METHOD_NOT_ALLOWED')
    expectProblem(await ask('POST', begun, { 'x-http-method-override': 'GET' }), 'ERR_METHOD_NOT_ALLOWED')
  })

  it('can be read by pages of allowed origins, and by no other page', async () => {
    const cors = { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }
    expect((await create('', { origin })).headers).toMatchObject(cors)
    expect((await create(`upload-token ${token}`, { origin, 'upload-length': '6' })).headers).toMatchObject(cors)
    const foreign = await create(`upload-token ${token}`, { origin: 'https://app.example.test.evil.test' })
    expectProblem(foreign, 'ERR_ORIGIN_REQUIRED')
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('announce only the supported extensions', async () => {
    const preflight = { origin, 'access-control-request-method': 'PATCH' }
    const answer = await ask('OPTIONS', begun, { ...preflight, 'tus-resumable': undefined })
    expect(answer.status).toBe(204)
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': expect.stringContaining('PATCH'),
      'access-control-allow-headers': expect.stringContaining('Upload-Offset'),
      'tus-extension': 'creation,creation-with-upload,termination',
      'tus-version': '1.0.0',
      'tus-max-size': String(5 * 1024 ** 4),
    })
    const foreign = await ask('OPTIONS', begun, { ...preflight, origin: 'https://evil.test' })
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('leave the ticket as it was', async () => {
    const answer = await create(`filename YQ==,upload-token ${token}`, { origin })
    expect(answer.status).toBe(201)
    expect(answer.headers['access-control-allow-origin']).toBe(origin)
  })

  it('answer 423 to pages while the upload server is down', async () => {
    process.kill(target.emulation.uploads?.pid() ?? 0, 'SIGSTOP')
    process.kill(target.emulation.uploads?.pid() ?? 0, 'SIGKILL')
    await vi.waitUntil(
      async () => {
        const answer = await ask('HEAD', begun, { origin })
        if (answer.status !== 423) return false
        expect(answer.headers).toMatchObject({ 'access-control-allow-origin': origin, 'retry-after': '1' })
        return true
      },
      { timeout: 20_000, interval: 1 },
    )
  })
})
