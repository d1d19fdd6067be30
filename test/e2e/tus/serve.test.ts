/** `edge-signer serve`: the single server for the public, as its unit file starts it. */
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Answer, Send } from '../../support/http-client.ts'
import { serveHost as host, prepareServe, type ServeProcess } from '../../support/serve-process.ts'

describe('edge-signer serve', () => {
  let server: ServeProcess
  let directory: string
  let port: number

  beforeAll(async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    server = await prepareServe()
    ;({ directory, port } = server)
    await server.start()
  })
  afterAll(async () => {
    await server?.stop()
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    server?.remove()
  })

  const get = (path: string, options: Partial<Send> & { name?: string } = {}): Promise<Answer> =>
    server.send({ path, ...options })

  it('serves its own name over TLS, and no other', async () => {
    expect(server.said()).toContain(`ready https://${host}:${port}`)
    const answer = await get('/public/logo.txt')
    expect([answer.status, answer.text]).toEqual([200, 'of everybody'])
    expect(answer.headers['strict-transport-security'] ?? '').toMatch(/max-age=\d+/)
    expect((await get('/public/logo.txt', { name: 'other.example.test' })).status).toBe(421)
    await expect(fetch(`http://127.0.0.1:${port}/public/logo.txt`).then((r) => r.status)).resolves.toBe(400)
  })

  it('asks for TLS in every answer, its own refusals among them', async () => {
    for (const [method, path] of [
      ['GET', '/files/'],
      ['POST', '/files/'],
      ['OPTIONS', '/files/'],
      ['GET', '/assets/private/users/alice/x'],
    ] as const) {
      const { headers, status } = await get(path, { method })
      expect(headers['strict-transport-security'] ?? '', `${method} ${path} ${status}`).toMatch(/max-age=\d+/)
    }
  })

  it('has no local sign-in', async () => {
    for (const path of ['/dev/login?sub=alice', '/dev/login', '/dev/', '/dev/login/']) {
      const answer = await get(path)
      expect(answer.status, path).toBe(404)
      expect(answer.setCookie).toEqual([])
    }
  })

  it('signs nobody in without the session of the app, and refuses private files', async () => {
    expect((await get('/_edge/session')).status).toBe(401)
    expect((await get('/users/alice/x')).status).toBe(403)
    expect((await get('/api/assets')).status).toBe(401)
    expect((await get('/api/health')).status).toBe(200)
  })

  it('keeps its secrets over a restart, readable to nobody else', async () => {
    const files = ['secret.json', 'link-secret', 'key-group.json'].map((name) => join(directory, 'state', name))
    const before = files.map((file) => readFileSync(file, 'utf8'))
    for (const file of files) expect(statSync(file).mode & 0o077, file).toBe(0)
    await server.stop()
    expect(server.child().exitCode).toBe(0)
    await server.start()
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(before)
  })

  it('logs paths, no query strings, and goes on in a new file after rotation', async () => {
    const log = join(directory, 'logs/access.log')
    await get('/public/logo.txt?Signature=secret', { headers: { cookie: 'CloudFront-Signature=secret' } })
    await vi.waitUntil(() => readFileSync(log, 'utf8').includes('/public/logo.txt 200'), 10_000)
    expect(readFileSync(log, 'utf8')).not.toContain('secret')
    renameSync(log, `${log}.1`)
    server.child().kill('SIGHUP')
    await vi.waitUntil(() => existsSync(log), 10_000)
    // Workers of before end what they have begun, in the file of before.
    await vi.waitUntil(
      async () => {
        await get('/public/logo.txt?after')
        return readFileSync(log, 'utf8').includes('/public/logo.txt 200')
      },
      { timeout: 10_000, interval: 50 },
    )
  })

  it('gives the port that clients use to tickets and to the origin of pages, and the app its place', async () => {
    await server.stop()
    const app = createServer((_request, response) => response.end('the app')).listen(0, '127.0.0.1')
    onTestFinished(() => void app.close())
    await once(app, 'listening')
    const appUrl = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
    await server.start(['--no-tusd', '--public-port', '443', '--app', appUrl])
    expect((await get('/anything')).text).toBe('the app')
    expect(server.said()).toContain(`\nready https://${host}\n`)
    const answer = await get('/api/uploads', {
      method: 'POST',
      // What a browser sends that came through the mapping.
      headers: {
        host,
        origin: `https://${host}`,
        cookie: `session=${server.sessions().session('alice')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ key: 'users/alice/x.txt', size: 1, contentType: 'text/plain' }),
    })
    const ticket = JSON.parse(answer.text)
    expect([answer.status, ticket.url]).toEqual([201, `https://${host}/files/`])
    // Where the client finds the upload from then on.
    const headers = { ...ticket.headers, host: `${host}:${port}`, 'upload-length': '1' }
    const created = await get('/files/', { method: 'POST', headers })
    expect([created.status, String(created.headers.location)]).toEqual([
      201,
      expect.stringMatching(new RegExp(`^https://${host}/files/[\\w-]{22}$`)),
    ])
  })

  it("takes relative paths from the caller's folder", async () => {
    const child = server.run(['--certificate', 'nowhere.pem'], directory)
    await once(child, 'close')
    expect(server.said()).toContain(`--certificate: ${join(directory, 'nowhere.pem')} is missing`)
  })

  it('starts with nothing that visitors would trip over', async () => {
    const wrong: Record<string, Record<string, string>> = {
      'is not for other.test': { host: 'other.test' },
      'must be a host name': { host: 'a b' },
      'is missing': { certificate: '/nowhere.pem' },
      'cannot be read as PEM': { key: join(directory, 'tls/tls.crt') },
      not_a_stage: { stage: 'not_a_stage' },
    }
    for (const [message, changes] of Object.entries(wrong)) {
      const child = server.run(Object.entries(changes).flatMap(([name, value]) => [`--${name}`, value]))
      const [status] = await once(child, 'exit')
      expect(status, message).toBe(1)
      expect(server.said()).toContain(message)
    }
  })
})
