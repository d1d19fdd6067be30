/** Nothing that opens a file or takes bytes is left in a file: the whole single server under load, reload and faults. */
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runDirectory } from '../../../local/paths.ts'
import { descendantsOf } from '../../support/processes.ts'
import { prepareServe, type ServeProcess, serveHost } from '../../support/serve-process.ts'
import { setUpTusd, uploadServerKinds } from '../../support/upload-stage.ts'
import type { TusTicket } from '../tus/upload-target.ts'

describe.each(uploadServerKinds())('a single server with %s', (kind) => {
  let server: ServeProcess
  /** Every live token by what it is. */
  const tokens = new Map<string, string>()
  let cookies: string
  let session: string
  let link: string
  let ticket: TusTicket
  let upload: string

  beforeAll(async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    if (kind === 'tusd') await setUpTusd()
    server = await prepareServe()
    await server.start([kind === 'tusd' ? '--tusd' : '--no-tusd'])
    await makeTokens()
  })
  afterAll(async () => {
    await server?.stop()
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    server?.remove()
  })

  const bearer = () => ({ authorization: `Bearer ${session}` })
  const post = (path: string, body: object) =>
    server.send({
      method: 'POST',
      path,
      headers: { ...bearer(), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  async function makeTokens() {
    session = server.sessions().session('alice')
    tokens.set('session', session)
    const minted = await server.send({ path: '/_edge/session', headers: bearer() })
    expect(minted.setCookie.length).toBeGreaterThan(2)
    cookies = minted.setCookie.map((line) => line.split(';')[0]).join('; ')
    for (const [, name = '', value = ''] of cookies.matchAll(/CloudFront-(Policy|Signature)=([^;]+)/g)) {
      tokens.set(`cookie ${name} ${tokens.size}`, value)
    }
    await putFile('users/alice/read.txt', 'bytes of alice')
    const answer = await post('/api/downloads', { key: 'users/alice/read.txt' })
    link = findLink(answer.text)
    tokens.set('md5 of a link', new URL(link).searchParams.get('md5') ?? '')
    ticket = JSON.parse((await post('/api/uploads', wish('users/alice/half.bin', 100_000))).text) as TusTicket
    tokens.set('ticket', ticket.uploadId)
    for (const value of ticket.headers['Upload-Metadata']?.split(/[ ,]/).filter((word) => word.length > 60) ?? []) {
      tokens.set('ticket in base64', value)
    }
    const created = await create(ticket, 100_000)
    expect(created.status).toBe(201)
    upload = new URL(String(created.headers.location)).pathname
    tokens.set('URL of an upload', upload.split('/').at(-1) ?? '')
    for (const [name, value] of tokens) expect(value.length, name).toBeGreaterThan(15)
  }

  const wish = (key: string, size: number) => ({ key, size, contentType: 'text/plain' })
  const create = (of: TusTicket, size: number) =>
    server.send({
      method: 'POST',
      path: new URL(of.url).pathname,
      headers: { ...of.headers, 'upload-length': String(size) },
    })
  const patch = (path: string, body: string) =>
    server.send({
      method: 'PATCH',
      path,
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
        cookie: `session=${session}; ${cookies}`,
      },
      body,
    })

  async function putFile(key: string, text: string) {
    const own = JSON.parse((await post('/api/uploads', wish(key, text.length))).text) as TusTicket
    const { headers } = await create(own, text.length)
    expect((await patch(new URL(String(headers.location)).pathname, text)).status).toBe(204)
    await vi.waitUntil(() => existsSync(join(server.directory, 'content', key)), 10_000)
  }

  /** Requests with every live token, and with each of them where it does not belong; none of them needs to succeed. */
  async function useTokens(): Promise<void> {
    const { pathname, search } = new URL(link)
    const headers = { cookie: `session=${session}; ${cookies}`, ...bearer(), referer: link }
    const signed = `?${[...tokens.values()].map((value, index) => `Signature${index}=${value}`).join('&')}`
    await Promise.allSettled([
      server.send({ path: pathname + search, headers }),
      server.send({ path: `/users/alice/read.txt`, headers }),
      server.send({ path: `/users/alice/read.txt${signed}`, headers }),
      server.send({ path: `/users/alice/outside.txt${signed}`, headers }),
      server.send({ path: `/assets/private/users/alice/outside.txt${search}`, headers }),
      server.send({ path: `/users/alice/${'n'.repeat(300)}${signed}`, headers }),
      server.send({ path: upload, method: 'HEAD', headers: { ...headers, 'tus-resumable': '1.0.0' } }),
      server.send({ path: `/%66iles/${upload.split('/').at(-1)}`, method: 'HEAD', headers }),
      patch(upload, 'x'.repeat(1000)),
      create(ticket, 100_000),
      server.send({ path: `/api/uploads/${ticket.uploadId}/confirm`, method: 'POST', headers, body: '{}' }),
      server.send({ path: '/_edge/session', headers }),
      malformed(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${serveHost}\r\nBad Header ${session}: x\r\n\r\n`),
      malformed(`GET ${pathname}${search} HTTP/9.9\r\nCookie: ${cookies}\r\n\r\n`),
      malformed(`GET ${pathname}${search} x y HTTP/1.1\r\n\r\n`),
      malformed(`GET ${pathname}${search}&x=${'y'.repeat(70_000)} HTTP/1.1\r\nHost: ${serveHost}\r\n\r\n`),
      malformed(
        `GET ${pathname}${search} HTTP/1.1\r\nHost: ${serveHost}\r\nCookie: ${cookies}${'y'.repeat(70_000)}\r\n\r\n`,
      ),
      malformed(`PATCH ${upload} HTTP/1.1\r\nHost: ${serveHost}\r\nContent-Length: 999999999999999999999\r\n\r\n`),
      malformed(`GET https://${serveHost}${pathname}${search} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`),
    ])
  }

  /** Writes the bytes and hangs up at the first answer, or after a while without one. */
  async function malformed(bytes: string): Promise<void> {
    const socket = connect({ host: '127.0.0.1', port: server.port, servername: serveHost })
    socket.on('error', () => {})
    socket.write(bytes)
    socket.setTimeout(500, () => socket.destroy())
    socket.once('data', () => socket.destroy())
    await once(socket, 'close')
  }

  const processOf = (part: string) => {
    const found = descendantsOf(server.child().pid ?? 0).find(({ command }) => command.includes(part))
    if (found === undefined) throw new Error(`no process ${part}`)
    return found.pid
  }
  /** Process ids of nginx's workers that take connections: a reload's former ones drain theirs and end by themselves. */
  const nginxWorkers = () =>
    descendantsOf(server.child().pid ?? 0)
      .filter(({ command }) => command === 'nginx: worker process')
      .map(({ pid }) => pid)
  const uploadServer = () => processOf(kind === 'tusd' ? '-upload-dir=' : 'embedded-process.ts')
  const isUploadServerUp = () => {
    try {
      return uploadServer() > 0
    } catch {
      return false
    }
  }
  const errors = () =>
    ['error.log', 'error.log.1']
      .map((name) => join(server.directory, 'logs', name))
      .filter(existsSync)
      .map((file) => readFileSync(file, 'utf8'))
      .join('')

  it('keeps live tokens out of every file and out of what it prints', async () => {
    // A link of the file system, which the bucket does not follow: a fault that nginx logs with its request.
    writeFileSync(join(server.directory, 'outside.txt'), 'x')
    symlinkSync(join(server.directory, 'outside.txt'), join(server.directory, 'content/users/alice/outside.txt'))
    await useTokens()

    // Upstreams that are gone.
    for (const part of [uploadServer(), processOf('api-process.ts'), processOf('lambda/process.ts')]) {
      process.kill(part, 'SIGKILL')
      await useTokens()
    }
    expect(errors()).toMatch(/while connecting to upstream|prematurely closed/)

    // Upstreams that do not answer, and clients that do not wait.
    for (const stopped of [uploadServer(), processOf('server/main.ts')]) {
      process.kill(stopped, 'SIGSTOP')
      const sent = [...Array(20)].map(() =>
        malformed(
          `PATCH ${upload}?${session} HTTP/1.1\r\nHost: ${serveHost}\r\nContent-Length: 10\r\nCookie: ${cookies}\r\n\r\n0123`,
        ),
      )
      await Promise.all(sent)
      process.kill(stopped, 'SIGCONT')
    }
    await vi.waitUntil(async () => (await server.send({ path: '/api/health' })).status === 200, 20_000)

    // Load, with a rotation of the logs in its middle, and a worker that crashes.
    const load = [...Array(10)].map(() => useTokens())
    renameSync(join(server.directory, 'logs/error.log'), join(server.directory, 'logs/error.log.1'))
    renameSync(join(server.directory, 'logs/access.log'), join(server.directory, 'logs/access.log.1'))
    const former = nginxWorkers()
    expect(former).not.toEqual([])
    server.child().kill('SIGHUP')
    await Promise.all(load)
    await vi.waitUntil(() => existsSync(join(server.directory, 'logs/error.log')), 10_000)
    const worker = await vi.waitUntil(() => nginxWorkers().find((pid) => !former.includes(pid)), 20_000)
    process.kill(worker, 'SIGKILL')
    await useTokens()
    await vi.waitUntil(() => errors().includes(`worker process ${worker} exited on signal 9`), 20_000)
    // The faults are there, with what an operator needs to find them. A server that was killed may be back before a request.
    const fault = /client: 127\.0\.0\.1, request: "(HEAD|PATCH) \/files\/\*", upstream: "unix:\S+\.sock"/
    const newErrors = () => readFileSync(join(server.directory, 'logs/error.log'), 'utf8')
    for (let tried = 0; tried < 20 && !fault.test(newErrors()); tried++) {
      process.kill(uploadServer(), 'SIGKILL')
      await useTokens()
      await vi.waitUntil(() => isUploadServerUp(), 20_000)
    }
    expect(newErrors()).toMatch(fault)

    const run = runDirectory(server.port)
    const files = [server.directory, run].flatMap(filesBelow)
    expect(files.length).toBeGreaterThan(30)
    const found = files.flatMap((file) => {
      const text = readFileSync(file, 'latin1')
      return [...tokens].filter(([, value]) => text.includes(value)).map(([name]) => `${name}: ${file}`)
    })
    // An upload server keeps an upload under its name.
    const allowed = new RegExp(`^URL of an upload: ${server.directory}/content-uploads/`)
    expect(found.filter((line) => !allowed.test(line))).toEqual([])
    expect([...tokens].filter(([, value]) => server.said().includes(value))).toEqual([])
  })
})

/** The download URL anywhere in an answer of the API. */
function findLink(text: string): string {
  const url = /https:[^"]*md5=[^"]*/.exec(text)?.[0]
  if (url === undefined) throw new Error(`no link: ${text}`)
  return url
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
