import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { runCheck } from '../../../cli/doctor/check.ts'
import { httpChecks } from '../../../cli/doctor/http-checks.ts'
import { deploymentOf } from '../../../infra/load-deployment.ts'
import { prepareState, writeKeyGroup, writeKeyValue } from '../../../local/state/state-files.ts'
import { stampKeyName } from '../../../shared/revocation/key-value.ts'
import { makeFolder, now, run } from './command-line.ts'

// The command imports the stages of this project.
vi.mock('../../../edge-signer.config.ts', () => import('../fixtures/edge-signer.config.ts'))

const folder = makeFolder()
const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.close()
  folder.remove()
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function doctor(...args: string[]) {
  const { status, out } = await run(['doctor', '--json', ...args])
  const report = JSON.parse(out)
  const checks = new Map<string, { status: string; detail: string; remedy?: string }>(
    report.checks.map(({ check, ...rest }: { check: string }) => [check, rest]),
  )
  return { status, well: report.well as boolean, checks, out }
}

describe('edge-signer doctor, local stage', () => {
  it('finds each fault, says what to do, and exits with 1', async () => {
    const state = folder.path('state')
    const files = prepareState(state, 'ES256', now + 7200)
    writeKeyGroup(files, {})
    writeKeyValue(files, stampKeyName, 'another')
    const port = await listen(createServer())
    const { status, well, checks, out } = await doctor('--state', state, '--port', String(port))
    expect({ status, well }).toEqual({ status: 1, well: false })
    const wrong = [...checks].filter(([, finding]) => finding.status === 'fail')
    expect(wrong.map(([name]) => name)).toEqual(['port', 'keys', 'stamp key', 'clock'])
    for (const [, { remedy }] of wrong) expect(remedy).toBeTruthy()
    expect(checks.get('port')?.detail).toContain(String(port))
    expect(checks.get('template')).toMatchObject({ status: 'pass' })
    expect(out).not.toContain(JSON.parse(readFileSync(files.secret, 'utf8')).stampKey)
  })

  it('finds no fault before the first start', async () => {
    const { checks } = await doctor('--state', folder.path('nowhere'), '--port', '0')
    for (const name of ['node', 'configuration', 'template', 'port', 'keys', 'stamp key', 'clock']) {
      expect(checks.get(name), name).toMatchObject({ status: 'pass' })
    }
  })

  it('reports an unreadable key document', async () => {
    const files = prepareState(folder.path('damaged'), 'ES256', now - 60)
    rmSync(files.secret)
    folder.write('damaged/secret.json', '{"keys":[]}')
    const { status, checks } = await doctor('--state', folder.path('damaged'), '--port', '0')
    expect(status).toBe(1)
    expect(checks.get('keys')?.detail).toContain('ERR_KEYS_INVALID')
  })

  it('refuses a malformed port or address, and an unknown stage', async () => {
    expect((await run(['doctor', '--port', 'x'])).status).toBe(2)
    expect((await run(['doctor', '--url', 'ftp://x'])).status).toBe(2)
    expect((await run(['doctor', '--stage', 'nope'])).status).toBe(1)
  })
})

describe('the responses of a stage', () => {
  const answers: Record<string, [number, string]> = {
    '/api/health/ready': [200, '{}'],
    '/api/health': [200, '{}'],
    '/_edge/session': [401, '{"code":"ERR_SESSION_MISSING"}'],
    '/users/doctor/nothing': [403, ''],
  }
  const date = new Date(now * 1000).toUTCString()
  const ask = async (changes: typeof answers, enforcement = 'key-group', clock = now) => {
    const all = { ...answers, ...changes }
    const port = await listen(
      createServer((request, response) => {
        const [status, body] = all[request.url ?? ''] ?? [404, '']
        response.writeHead(status, { date }).end(body)
      }),
    )
    const checks = httpChecks(deploymentOf('dev'), {
      origin: `http://127.0.0.1:${port}`,
      enforcement,
      now: () => clock,
    })
    const results = await Promise.all(checks.map(runCheck))
    return results.filter(({ status }) => status !== 'pass').map(({ check }) => check)
  }

  it('pass in either mode', async () => {
    expect(await ask({})).toEqual([])
    expect(await ask({ '/users/doctor/nothing': [401, ''] }, 'gate')).toEqual([])
  })

  it.each([
    ['an API without its keys', { '/api/health/ready': [503, '{}'] }, 'api'],
    ['a behaviour of another function', { '/_edge/session': [404, '<html>'] }, 'session'],
    ['a 401 with another code', { '/_edge/session': [401, '{"code":"OTHER"}'] }, 'session'],
    ['a private path that is open', { '/users/doctor/nothing': [200, ''] }, 'private paths'],
    ['a bucket that reveals missing files', { '/users/doctor/nothing': [404, ''] }, 'private paths'],
  ] as const)('reveal %s', async (_what, changes, check) => {
    expect(await ask(changes as never)).toEqual([check])
  })

  it('reveal a clock that is ahead or behind', async () => {
    for (const clock of [now - 61, now + 61]) expect(await ask({}, 'key-group', clock)).toEqual(['clock'])
    expect(await ask({}, 'key-group', now + 59)).toEqual([])
  })

  it('are unknown if no host is known', async () => {
    const checks = httpChecks(deploymentOf('dev'), { origin: undefined, enforcement: 'gate', now: () => now })
    for (const result of await Promise.all(checks.map(runCheck))) expect(result.status).toBe('unknown')
  })
})
