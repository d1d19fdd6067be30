/** nginx in front: download links, content types, answers while an upload server is down or cannot write. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findProgram } from '../../../local/setup/command.ts'
import { createSecureLinkUrls } from '../../../server/store/secure-link.ts'
import { parseObjectKey } from '../../../shared/assets/object-key.ts'
import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { send } from '../../support/http-client.ts'
import { uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type UploadTarget } from './upload-target.ts'

const [kind = 'embedded'] = uploadServerKinds()
const octets = { 'Tus-Resumable': '1.0.0', 'Content-Type': 'application/offset+octet-stream' }
const now = () => Math.floor(Date.now() / 1000)

describe(`nginx in front of ${kind}`, () => {
  let target: UploadTarget
  const put = (key: string, text: string) => {
    const file = join(target.content, key)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, text)
  }
  beforeAll(async () => {
    target = await startUploadTarget(kind)
    put('users/alice/a b#%.txt', 'of alice')
    put('users/bob/b.txt', 'of bob')
    put('users/alice/page.html', '<script>1</script>')
    put('public/logo.txt', 'of everybody')
    put('_state/x.json', '{}')
  })
  afterAll(() => target?.stop())

  const urls = () =>
    createSecureLinkUrls({
      origin: target.url,
      secret: readFileSync(join(target.emulation.state.directory, 'link-secret'), 'utf8'),
    })
  const download = async (json: unknown) => (await target.api('/downloads', { json })).json()

  it('answers a request that is too long, not HTTP, or of an unknown method with a problem', async () => {
    const { hostname, port } = new URL(target.url)
    const ask = (bytes: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), hostname, () => socket.write(bytes))
        let said = ''
        socket.on('data', (piece) => (said += String(piece)))
        socket.on('end', () => resolve(said))
        socket.on('error', reject)
      })
    const whole = (head: string) => `${head}\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`
    // One line that fills nginx's buffer to its last byte. A byte more would stay unread, and a reset could overtake the answer.
    const line = (start: string) => start.padEnd(65_536, 'a')
    // HTTP/0.9: an answer without headers cannot protect, so it carries no file.
    expect(await ask('GET /public/logo.txt\r\n')).not.toContain('of everybody')
    for (const bytes of [
      line('GET /users/alice/'),
      line('GET /api/assets/users/alice/'),
      `GET /api/health HTTP/1.1\r\n${line('X-Long: ')}`,
      whole('GET /api/health HTTP/1.1\r\n: no name'),
    ]) {
      const answer = await ask(bytes)
      expect(answer.split('\r\n')[0], bytes.slice(0, 60)).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer).toContain('application/problem+json')
      expect(answer).toContain('ERR_REQUEST_INVALID')
      expect(answer).not.toContain('<html>')
    }
    for (const [head, status, code] of [
      ['TRACE /users/alice/x HTTP/1.1', 405, 'ERR_METHOD_NOT_ALLOWED'],
      ['CONNECT /users/alice/x HTTP/1.1', 405, 'ERR_METHOD_NOT_ALLOWED'],
      ['GET /users/alice/x HTTP/1.1\r\nTransfer-Encoding: x', 501, 'ERR_NOT_IMPLEMENTED'],
    ] as const) {
      const answer = await ask(whole(head))
      expect(answer.split('\r\n')[0], head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      for (const part of ['application/problem+json', 'nosniff', code]) expect(answer, head).toContain(part)
    }
    for (const path of ['/*early', '/*early-method', '/*early-coding']) {
      const named = await send(target.url, { path })
      expect([named.status, JSON.parse(named.text).code], path).toEqual([404, 'ERR_NOT_FOUND'])
    }
  })

  it('treats the path of uploads without its slash as any other path', async () => {
    const answer = await send(target.url, { path: '/files' })
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([404, 'ERR_NOT_FOUND'])
  })

  it('answers a GET with a body as one without, and logs no fault', async () => {
    const answer = await send(target.url, { path: '/api/health', method: 'GET', body: '{}' })
    expect([answer.status, answer.text]).toEqual([200, '{"status":"ok"}'])
  })

  describe('download links', () => {
    it('open one file, with its name, and nothing else', async () => {
      const { url } = (await download({ key: 'users/alice/a b#%.txt', filename: 'näme.txt' })) as { url: string }
      const answer = await fetch(url)
      expect([answer.status, await answer.text()]).toEqual([200, 'of alice'])
      expect(answer.headers.get('cache-control')).toBe('private, no-store, no-transform')
      expect(answer.headers.get('content-disposition')).toBe(
        `attachment; filename="n_me.txt"; filename*=UTF-8''n%C3%A4me.txt`,
      )
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none';/)
      const part = await fetch(url, { headers: { range: 'bytes=3-' } })
      expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, 'alice', 'bytes 3-7/8'])
      for (const other of [
        url.replace('alice', 'bob'),
        url.replace('n%25C3', 'x%25C3'),
        url.replace(/md5=[^&]*/, 'md5=AAAAAAAAAAAAAAAAAAAAAA'),
        url.replace(/expires=(\d+)/, (_all, end) => `expires=${Number(end) + 1}`),
        url.replace(/md5=[^&]*&/, ''),
        url.split('?')[0] ?? '',
      ]) {
        const refused = await fetch(other)
        expect([refused.status, JSON.parse(await refused.text()).code], other).toEqual([403, 'ERR_LINK_INVALID'])
      }
    })

    it('are bounded as other URLs and heads are', async () => {
      const { url } = (await download({ key: 'users/alice/a b#%.txt' })) as { url: string }
      const long = 'a'.repeat(8192)
      const head = { cookie: 'a'.repeat(33_000) }
      for (const answer of [await fetch(`${url}&x=${long}`), await fetch(url, { headers: head })]) {
        expect([answer.status, answer.headers.get('x-content-type-options')]).toEqual([413, 'nosniff'])
        expect(await answer.text()).not.toContain('of alice')
      }
    })

    it('answer 410 after their time', async () => {
      const key = parseObjectKey('users/alice/a b#%.txt')
      const [old] = await urls().files([{ key }], 60, now() - 120)
      const answer = await fetch(old?.url ?? '')
      expect([answer.status, JSON.parse(await answer.text()).code]).toEqual([410, 'ERR_LINK_EXPIRED'])
      const folder = await urls().folder(parseResourcePrefix('/users/alice/'), 60, now() - 120)
      expect((await fetch(`${folder.baseUrl}page.html?${folder.querystring}`)).status).toBe(410)
    })

    it('open a folder, and no other', async () => {
      const folder = (await download({ prefix: 'users/alice/' })) as { baseUrl: string; querystring: string }
      const read = (path: string) =>
        send(target.url, { path: `${new URL(folder.baseUrl).pathname}${path}?${folder.querystring}` })
      expect((await read('a%20b%23%25.txt')).text).toBe('of alice')
      expect((await read('nothing.txt')).status).toBe(404)
      const base = new URL(folder.baseUrl).pathname
      for (const path of [
        '../bob/b.txt',
        '%2e%2e/bob/b.txt',
        '..%2fbob/b.txt',
        '/../bob/b.txt',
        './../bob/b.txt',
        '..%2Fbob%2Fb.txt',
      ]) {
        const answer = await read(path)
        expect(answer.status, path).toBeGreaterThanOrEqual(400)
        expect(answer.text, path).not.toContain('of bob')
      }
      const other = folder.querystring.replace('alice', 'bob')
      for (const query of [
        folder.querystring,
        other,
        folder.querystring.replace(/prefix=.*/, ''),
        `${folder.querystring}*`,
        folder.querystring.replace('users/alice/', ''),
      ]) {
        expect((await send(target.url, { path: `${base.replace('alice', 'bob')}b.txt?${query}` })).status, query).toBe(
          403,
        )
      }
    })

    it('come a thousand at a time', async () => {
      const wanted = Array.from({ length: 1000 }, (_, index) => ({ key: `users/alice/f${index}` }))
      const { files } = (await download({ files: wanted })) as { files: { key: string; url: string }[] }
      expect(files.map(({ key }) => key)).toEqual(wanted.map(({ key }) => key))
      expect(new Set(files.map(({ url }) => url)).size).toBe(1000)
    })

    it('are not needed below public/, and nothing else is served there', async () => {
      const { url, isPermanent } = (await download({ key: 'public/logo.txt' })) as { url: string; isPermanent: boolean }
      const answer = await fetch(url)
      expect([answer.status, await answer.text(), isPermanent]).toEqual([200, 'of everybody', true])
      expect(answer.headers.get('cache-control')).toBe('public, max-age=86400, immutable, no-transform')
      for (const path of [
        '/assets/',
        '/assets/users/alice/page.html',
        '/assets/private/_state/x.json',
        '/assets/public/../private/users/bob/b.txt',
        '/assets/public/%2e%2e/users/bob/b.txt',
      ]) {
        const refused = await send(target.url, { path })
        expect(refused.status, path).toBeGreaterThanOrEqual(400)
        expect(refused.text).not.toContain('of bob')
      }
      expect((await fetch(`${target.url}/health`)).status).toBe(200)
    })

    it('never show an active file in the page', async () => {
      const { url } = (await download({ key: 'users/alice/page.html' })) as { url: string }
      expect((await fetch(url)).headers.get('content-disposition')).toMatch(/^attachment/)
    })
  })

  it('serves a file as the type that it was declared with, until it is another file', async () => {
    const bytes = randomBytes(10)
    const ticket = await target.ticket({ key: 'users/alice/odd.txt', size: bytes.length, contentType: 'image/webp' })
    const headers = { ...ticket.headers, 'Upload-Length': String(bytes.length) }
    const created = await fetch(ticket.url, { method: 'POST', headers })
    await fetch(String(created.headers.get('location')), {
      method: 'PATCH',
      headers: { ...octets, 'Upload-Offset': '0' },
      body: bytes,
    })
    expect((await target.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })).status).toBe(200)
    expect((await target.readSigned('/users/alice/odd.txt')).type).toBe('image/webp')
    put('users/alice/odd.txt', 'by hand')
    expect((await target.readSigned('/users/alice/odd.txt')).type).toBe('text/plain; charset=utf-8')
    // Only keys are served, and the folder of such a file is none.
    put('users/alice/set/index.html', '<script>1</script>')
    mkdirSync(join(`${target.content}-uploads`, 'types/users/alice/set/index.html'), { recursive: true })
    for (const path of ['/users/alice/', '/users/alice/set', '/users/alice/set/'])
      expect((await target.readSigned(path)).status, path).toBe(404)
    const described = await (await target.api('/assets/users/alice/odd.txt')).json()
    expect(described).toMatchObject({ contentType: 'text/plain', size: 7 })
  })

  it('describes and deletes the asset that the path names, and no other', async () => {
    const names = ['sp ace', 'é', 'per%cent', '100%25', 'ha#sh', 'pl+us', "it's (1)!~", '%ff']
    const keys = names.map((name) => `users/alice/names/${name}`)
    for (const key of keys) put(key, key)
    const path = (key: string) => `/assets/${key.split('/').map(encodeURIComponent).join('/')}`
    for (const key of keys) {
      const described = await target.api(path(key))
      expect([described.status, await described.json()], key).toMatchObject([200, { key }])
    }
    const remove = (sent: string) => target.api(sent, { method: 'DELETE' }).then(({ status }) => status)
    for (const name of ['%ff', '%', 'a%3F', '%EF%BF%BD'])
      expect(await remove(`/assets/users/alice/names/${name}`)).toBe(400)
    for (const key of keys) {
      expect([await remove(path(key)), await remove(path(key))], key).toEqual([200, 404])
      expect(existsSync(join(target.content, key)), key).toBe(false)
    }
  })

  it('streams without buffering: the upload server has what the client has sent', async () => {
    const bytes = randomBytes(3_000_000)
    const ticket = await target.ticket({ key: 'users/alice/streamed.bin', size: bytes.length })
    const headers = { ...ticket.headers, 'Upload-Length': String(bytes.length) }
    const location = String((await fetch(ticket.url, { method: 'POST', headers })).headers.get('location'))
    let more: () => void = () => {}
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, 2_000_000))
        await new Promise<void>((resolve) => {
          more = resolve
        })
        controller.enqueue(bytes.subarray(2_000_000))
        controller.close()
      },
    })
    const sending = fetch(location, {
      method: 'PATCH',
      headers: { ...octets, 'Upload-Offset': '0' },
      body,
      duplex: 'half',
    } as RequestInit)
    const id = new URL(location).pathname.split('/').at(-1) ?? ''
    await vi.waitUntil(() => statSync(join(target.area, 'incoming', id)).size >= 1_900_000, 10_000)
    more()
    expect((await sending).status).toBe(204)
  })

  it.runIf(kind === 'tusd' && findProgram('prlimit') !== undefined)(
    'tells of a full disk without naming it',
    async () => {
      const bytes = randomBytes(200_000)
      const ticket = await target.ticket({ key: 'users/alice/full.bin', size: bytes.length })
      const headers = { ...ticket.headers, 'Upload-Length': String(bytes.length) }
      const location = String((await fetch(ticket.url, { method: 'POST', headers })).headers.get('location'))
      const limit = (size: string) =>
        execFileSync('prlimit', ['--pid', String(target.emulation.uploads?.pid()), `--fsize=${size}:unlimited`])
      limit('50000')
      const patch = (offset: number) =>
        fetch(location, {
          method: 'PATCH',
          headers: { ...octets, 'Upload-Offset': String(offset) },
          body: bytes.subarray(offset),
        })
      const full = await patch(0)
      limit('unlimited')
      const text = await full.text()
      expect([full.status, JSON.parse(text).code]).toEqual([503, 'ERR_STORE_UNAVAILABLE'])
      expect(text).not.toContain(target.area)
      expect((await patch(50_000)).status).toBe(204)
    },
  )

  it('answers 423 while the upload server is down, and serves everything else', async () => {
    const ticket = await target.ticket({ key: 'users/alice/later.bin', size: 5 })
    const pid = target.emulation.uploads?.pid() ?? 0
    process.kill(pid, 'SIGSTOP')
    process.kill(pid, 'SIGKILL')
    const seen: number[] = []
    await vi.waitUntil(
      async () => {
        const answer = await fetch(`${target.url}/files/${'a'.repeat(22)}`, {
          method: 'HEAD',
          headers: { 'Tus-Resumable': '1.0.0' },
        })
        seen.push(answer.status)
        return answer.status === 404
      },
      { timeout: 20_000, interval: 5 },
    )
    expect(seen.slice(0, -1).filter((status) => status !== 423)).toEqual([])
    expect(seen).toContain(423)
    const headers = { ...ticket.headers, 'Upload-Length': '5' }
    expect((await fetch(ticket.url, { method: 'POST', headers })).status).toBe(201)
  })
})
