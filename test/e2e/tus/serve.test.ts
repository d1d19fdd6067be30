/** `edge-signer serve`: the single server for the public, as its unit file starts it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { prepareCertificate } from '../../../local/certificate.ts'
import { holdPort } from '../../../local/ports.ts'
import { type Answer, type Send, send } from '../../support/http-client.ts'
import { createSessionMaker } from '../../support/session-maker.ts'

const host = 'cdn.example.test'

describe('edge-signer serve', () => {
  let directory: string
  let port: number
  let server: ChildProcess
  let said = ''

  beforeAll(async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    directory = mkdtempSync(join(tmpdir(), 'edge-signer-serve-'))
    await prepareCertificate(join(directory, 'tls'))
    mkdirSync(join(directory, 'content/public'), { recursive: true })
    writeFileSync(join(directory, 'content/public/logo.txt'), 'of everybody')
    const held = await holdPort(0, true)
    await held.release()
    port = held.port
    await start()
  })
  afterAll(async () => {
    await stop()
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    rmSync(directory, { recursive: true, force: true })
  })

  const flags = (changes: Record<string, string> = {}) =>
    Object.entries({
      host,
      certificate: join(directory, 'tls/tls.crt'),
      key: join(directory, 'tls/tls.key'),
      stage: 'local',
      port: String(port),
      content: join(directory, 'content'),
      state: join(directory, 'state'),
      logs: join(directory, 'logs'),
      ...changes,
    }).flatMap(([name, value]) => [`--${name}`, value])

  function run(args: readonly string[], cwd = process.cwd()): ChildProcess {
    const command = [join(process.cwd(), 'cli/edge-signer.mjs'), 'serve', '--no-tusd', ...args]
    const child = spawn(process.execPath, command, { cwd })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += String(chunk)))
    return child
  }
  async function start(more: readonly string[] = []) {
    said = ''
    server = run([...flags(), ...more])
    await vi.waitUntil(() => said.includes('\nready ') || server.exitCode !== null, { timeout: 120_000, interval: 50 })
    if (server.exitCode !== null) throw new Error(said)
  }
  async function stop() {
    if (server === undefined || server.exitCode !== null) return
    const gone = once(server, 'exit')
    server.kill('SIGTERM')
    await gone
  }
  const get = (path: string, options: Partial<Send> & { name?: string } = {}): Promise<Answer> => {
    const { name = host, ...rest } = options
    return send(`https://${name}:${port}`, { path, connectTo: '127.0.0.1', ...rest })
  }

  it('serves its own name over TLS, and no other', async () => {
    expect(said).toContain(`ready https://${host}:${port}`)
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
    await stop()
    expect(server.exitCode).toBe(0)
    await start()
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(before)
  })

  it('logs paths, no query strings, and goes on in a new file after rotation', async () => {
    const log = join(directory, 'logs/access.log')
    await get('/public/logo.txt?Signature=secret', { headers: { cookie: 'CloudFront-Signature=secret' } })
    await vi.waitUntil(() => readFileSync(log, 'utf8').includes('/public/logo.txt 200'), 10_000)
    expect(readFileSync(log, 'utf8')).not.toContain('secret')
    renameSync(log, `${log}.1`)
    server.kill('SIGHUP')
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
    await stop()
    const app = createServer((_request, response) => response.end('the app')).listen(0, '127.0.0.1')
    onTestFinished(() => void app.close())
    await once(app, 'listening')
    const appUrl = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
    await start(['--stage', 'local', '--public-port', '443', '--app', appUrl])
    expect((await get('/anything')).text).toBe('the app')
    expect(said).toContain(`\nready https://${host}\n`)
    const { sessionSecret = '' } = JSON.parse(readFileSync(join(directory, 'state/secret.json'), 'utf8'))
    const session = createSessionMaker({ secret: sessionSecret, issuer: 'edge-signer-local', audience: 'edge-signer' })
    const answer = await get('/api/uploads', {
      method: 'POST',
      // What a browser sends that came through the mapping.
      headers: {
        host,
        origin: `https://${host}`,
        cookie: `session=${session.session('alice')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ key: 'users/alice/x.txt', size: 1, contentType: 'text/plain' }),
    })
    expect([answer.status, JSON.parse(answer.text).url]).toEqual([201, `https://${host}/files/`])
  })

  it("takes relative paths from the caller's folder", async () => {
    const child = run([...flags(), '--certificate', 'nowhere.pem'], directory)
    said = ''
    await once(child, 'close')
    expect(said).toContain(`--certificate: ${join(directory, 'nowhere.pem')} is not there`)
  })

  it('starts with nothing that visitors would trip over', async () => {
    const wrong: Record<string, Record<string, string>> = {
      'is not for other.test': { host: 'other.test' },
      'must be a host name': { host: 'a b' },
      'is not there': { certificate: '/nowhere.pem' },
      'cannot be read as PEM': { key: join(directory, 'tls/tls.crt') },
      not_a_stage: { stage: 'not_a_stage' },
    }
    for (const [message, changes] of Object.entries(wrong)) {
      said = ''
      const child = run([...flags(changes)])
      const [status] = await once(child, 'exit')
      expect(status, message).toBe(1)
      expect(said).toContain(message)
    }
  })
})
