/** The whole single server with each upload server: what it tells other users of the machine, and what its faults cost a client. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { findProgram } from '../../../local/setup/command.ts'
import { uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type TusTicket, type UploadTarget } from './upload-target.ts'

describe.each(uploadServerKinds())('a single server with %s', (kind) => {
  let target: UploadTarget
  beforeAll(async () => {
    target = await startUploadTarget(kind)
  })
  afterAll(() => target?.stop())

  it.runIf(process.platform === 'linux')('has no secret in the process list but the path that tusd asks at', () => {
    const state = target.emulation.state.directory
    const stampKey = JSON.parse(readFileSync(join(state, 'secret.json'), 'utf8')).stampKey as string
    const secrets = [readFileSync(join(state, 'link-secret'), 'utf8'), stampKey]
    const commands = ownProcesses().map(({ command }) => command)
    expect(commands.some((command) => command.includes('api-process.ts'))).toBe(true)
    expect(commands.filter((command) => secrets.some((secret) => command.includes(secret)))).toEqual([])
    // Settings of the project's own processes would contain the path.
    expect(commands.filter((command) => /hooks-?path/i.test(command))).toEqual([])
    const knowing = commands.filter((command) => command.includes('-hooks-http='))
    expect(knowing).toHaveLength(kind === 'tusd' ? 1 : 0)
    const hooksPath = knowing[0]?.match(/-hooks-http=\S+:\d+(\/\S+)/)?.[1]
    expect(commands.filter((command) => hooksPath !== undefined && command.includes(hooksPath))).toEqual(knowing)
  })

  const head = (url: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0', ...headers } })
  const create = (ticket: TusTicket, size: number) =>
    fetch(ticket.url, { method: 'POST', headers: { ...ticket.headers, 'Upload-Length': String(size) } })
  const codeOf = async (answer: Response) => [answer.status, JSON.parse(await answer.text()).code]

  it('lets a client succeed after a lost last answer', async () => {
    const bytes = randomBytes(300_000)
    const ticket = await target.ticket({ key: 'users/alice/lost.bin', size: bytes.length })
    const published = () => existsSync(join(target.content, 'users/alice/lost.bin'))
    const proxy = await startLossyProxy(target.url, async (method, status) => {
      if (method !== 'PATCH' || status !== 204) return false
      await vi.waitUntil(() => published() && readdirSync(join(target.area, 'incoming')).length === 0, 10_000)
      return true
    })
    onTestFinished(() => proxy.stop())
    const seen: string[] = []
    await new Promise<void>((resolve, reject) => {
      new Upload(bytes, {
        endpoint: proxy.url + new URL(ticket.url).pathname,
        headers: ticket.headers,
        retryDelays: [0, 100, 100],
        onAfterResponse: (request, response) => void seen.push(`${request.getMethod()} ${response.getStatus()}`),
        onSuccess: () => resolve(),
        onError: reject,
      }).start()
    })
    expect([proxy.lost(), ...seen]).toEqual([1, 'POST 201', 'HEAD 200'])
    const confirmed = await target.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })
    expect(await confirmed.json()).toMatchObject({ key: ticket.key, size: bytes.length })
  })

  it('answers HEAD of a published upload, to a page of an allowed origin too, and nothing about another upload', async () => {
    const ticket = await target.ticket({ key: 'users/alice/empty.bin', size: 0 })
    const location = String((await create(ticket, 0)).headers.get('location'))
    await vi.waitUntil(() => readdirSync(join(target.area, 'incoming')).length === 0, 10_000)
    const answer = await head(location, { origin: target.url })
    expect([answer.status, ...['upload-offset', 'upload-length'].map((name) => answer.headers.get(name))]).toEqual([
      200,
      '0',
      '0',
    ])
    expect(answer.headers.get('access-control-allow-origin')).toBe(target.url)
    expect(answer.headers.get('access-control-expose-headers')).toContain('Upload-Offset')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await codeOf(await create(ticket, 0))).toEqual([410, 'ERR_UPLOAD_USED'])
    const foreign = await head(location, { origin: 'https://evil.test' })
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull()
    for (const id of ['a'.repeat(22), 'x', '..%2ftickets', `${'a'.repeat(22)}/x`]) {
      expect((await head(`${target.url}/files/${id}`)).status, id).toBe(404)
    }
    rmSync(join(target.content, 'users/alice/empty.bin'))
    expect((await head(location)).status).toBe(404)
  })

  describe.runIf(findProgram('prlimit') !== undefined)('while the disk is full', () => {
    const limit = (pid: number, size: string) =>
      execFileSync('prlimit', ['--pid', String(pid), `--fsize=${size}:unlimited`])
    const pidOf: Record<string, () => number> = {
      'the upload server': () => target.emulation.uploads?.pid() ?? 0,
      'the API': () => ownProcesses().find(({ command }) => command.includes('api-process.ts'))?.pid ?? 0,
    }

    it.each(Object.keys(pidOf))('%s refuses a creation with 503, and the ticket stays good', async (name) => {
      const ticket = await target.ticket({ key: `users/alice/full/${name}.bin`, size: 5 })
      const pid = pidOf[name]?.() ?? 0
      limit(pid, '10')
      onTestFinished(() => void limit(pid, 'unlimited'))
      const full = await create(ticket, 5)
      const withData = await fetch(ticket.url, {
        method: 'POST',
        headers: { ...ticket.headers, 'Upload-Length': '5', 'Content-Type': 'application/offset+octet-stream' },
        body: '12345',
      })
      limit(pid, 'unlimited')
      // With the embedded server the API takes no part in it.
      const concerned = name === 'the upload server' || kind === 'tusd'
      if (!concerned) return expect([full.status, withData.status]).toEqual([201, 410])
      const text = await full.text()
      expect([full.status, JSON.parse(text).code]).toEqual([503, 'ERR_STORE_UNAVAILABLE'])
      expect(text).not.toContain(target.area)
      expect(withData.status).toBe(503)
      const created = await create(ticket, 5)
      expect(created.status).toBe(201)
      expect((await head(String(created.headers.get('location')))).headers.get('upload-offset')).toBe('0')
      expect(await codeOf(await create(ticket, 5))).toEqual([410, 'ERR_UPLOAD_USED'])
    })
  })
})

/** In front of a server; hands an answer on, unless `loses` it: then the connection is cut in its place. */
async function startLossyProxy(url: string, loses: (method: string, status: number) => Promise<boolean>) {
  let lost = 0
  const server = createServer((incoming, outgoing) => {
    const { method = '', url: path, headers } = incoming
    const passed = request(url + path, { method, headers }, async (answer) => {
      if (await loses(method, answer.statusCode ?? 0)) {
        lost += 1
        return void outgoing.destroy()
      }
      const { location, ...others } = answer.headers
      const own = location?.replace(url, `http://${headers.host}`)
      outgoing.writeHead(answer.statusCode ?? 0, { ...others, ...(own === undefined ? {} : { location: own }) })
      answer.pipe(outgoing)
    })
    incoming.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost: () => lost,
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The processes that this one has started, with their command lines as any user of the machine sees them. */
function ownProcesses(): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // Behind the name, which is in parentheses: state and parent.
        const parent = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]
        if (Number(parent) !== process.pid) return []
        return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
      } catch {
        return []
      }
    })
}
