/** Checks of `doctor` about the app's sessions, and of commands without AWS credentials. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { runCheck } from '../../../cli/doctor/check.ts'
import { runDoctor } from '../../../cli/doctor/run.ts'
import { sessionChecks } from '../../../cli/doctor/session-checks.ts'
import { fetchDocument, networkCause } from '../../../cli/input/key-set.ts'
import { runKeysRotate } from '../../../cli/keys/rotate.ts'
import { runKeysStatus } from '../../../cli/keys/status.ts'
import { main } from '../../../cli/main.ts'
import { runRepair } from '../../../cli/repair.ts'
import { runRevocations } from '../../../cli/revoke/run.ts'
import type { ClientSettings } from '../../../cli/stage/aws-clients.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../shared/config/stage-config.ts'
import { now } from './command-line.ts'

// The command imports the stages of this project.
vi.mock('../../../edge-signer.config.ts', () => import('../fixtures/edge-signer.config.ts'))
afterEach(() => {
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
})

const issuer = 'https://id.example.com/tenant'
const jwksUrl = 'https://id.example.com/tenant/keys'
const metadataUrl = `${issuer}/.well-known/openid-configuration`
let jwk: object
beforeAll(async () => {
  jwk = { ...(await exportJWK((await generateKeyPair('RS256')).publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
})

async function judge(
  answers: Readonly<Record<string, unknown>>,
  session: Partial<StageConfigInput['session']> = {},
  clock = now,
) {
  const date = new Date(now * 1000).toUTCString()
  vi.stubGlobal('fetch', async (url: string) => {
    const answer = answers[url]
    const body = typeof answer === 'string' ? answer : JSON.stringify(answer)
    return new Response(body, { status: answer === undefined ? 404 : 200, headers: { date } })
  })
  const stage = {
    session: { algorithms: ['RS256' as const], issuer, audience: 'files', jwksUrl, ...session },
    grants: ['/users/{sub}/*'],
  }
  const deployment = parseDeployment({ service: 'test', defaults: {}, stages: { test: stage } }, 'test')
  const results = await Promise.all(sessionChecks(deployment, () => clock).map(runCheck))
  return Object.fromEntries(results.map(({ check, status, detail }) => [check, `${status}: ${detail}`]))
}

const metadata = { issuer, jwks_uri: jwksUrl }
const good = () => ({ [jwksUrl]: { keys: [jwk] }, [metadataUrl]: metadata })

describe('a key set that cannot be fetched', () => {
  const closed = async (): Promise<number> => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    return port
  }

  it.each<[string, () => Promise<string>, string]>([
    ['an unknown host', async () => 'https://no-such-host.invalid/keys', 'ENOTFOUND|EAI_AGAIN'],
    ['a closed port', async () => `https://127.0.0.1:${await closed()}/keys`, 'nothing listens there: ECONNREFUSED'],
    ['a closed port of localhost', async () => `https://localhost:${await closed()}/keys`, 'ECONNREFUSED'],
    ['a port of another protocol', async () => 'https://localhost:6000/keys', 'fetch refuses that port'],
  ])('names the cause: %s', async (_what, url, cause) => {
    const fetched = await fetchDocument(await url(), 'jwks')
    expect(fetched.fault?.fault).toBe('jwks-unreachable')
    expect(fetched.fault?.detail).toMatch(new RegExp(`does not respond \\(.*(${cause})`))
  })

  it('names a server that speaks no TLS', async () => {
    const server = createHttpServer((_, response) => response.end()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const fetched = await fetchDocument(`https://127.0.0.1:${port}/keys`, 'jwks')
    server.close()
    expect(fetched.fault?.detail).toMatch(/it does not speak TLS: /)
  })

  it('names a certificate that is not accepted, and no response of the stage', async () => {
    const failed = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) })
    expect(networkCause(failed('DEPTH_ZERO_SELF_SIGNED_CERT'))).toBe(
      'its certificate is not accepted: DEPTH_ZERO_SELF_SIGNED_CERT',
    )
    const run = () => Promise.reject(failed('ECONNREFUSED'))
    expect((await runCheck({ name: 'api', run })).detail).toBe(
      'the stage does not respond (nothing listens there: ECONNREFUSED)',
    )
  })
})

describe('the sessions of a stage', () => {
  it('are well where key set, metadata and clock agree', async () => {
    expect(await judge(good())).toEqual({
      'session keys': 'pass: 1 in session.jwksUrl: RSA for RS256',
      issuer: `pass: ${issuer}, as its metadata says`,
      'issuer clock': 'pass: 0 s apart from this machine',
    })
  })

  it('reveal a wrong address of the key set, and name the right one', async () => {
    const wrong = 'https://id.example.com/keys.json'
    const found = await judge(good(), { jwksUrl: wrong })
    expect(found['session keys']).toBe(`fail: ${wrong} responds with status 404`)
    expect(found.issuer).toBe(`fail: the issuer's keys are at ${jwksUrl}, and session.jwksUrl is ${wrong}`)
    const html = await judge({ ...good(), [wrong]: '<html>' }, { jwksUrl: wrong })
    expect(html['session keys']).toMatch(/^fail: .* responds with an HTML page$/)
    expect((await judge(good(), { jwksUrl: metadataUrl }))['session keys']).toMatch(
      /^fail: .*metadata, not its key set/,
    )
  })

  it('reveal the key set of another issuer, and accept another address of the same keys', async () => {
    const other = 'https://id.example.com/other/keys'
    const others = { ...good(), [other]: { keys: [{ ...jwk, kid: 'k2' }] } }
    expect((await judge(others, { jwksUrl: other })).issuer).toMatch(/^fail: the issuer's keys are at/)
    const alias = 'https://login.example.com/keys'
    expect((await judge({ ...good(), [alias]: { keys: [jwk] } }, { jwksUrl: alias })).issuer).toMatch(/^pass/)
  })

  it('reveal an issuer that spells itself in another way', async () => {
    const slash = await judge({ ...good(), [metadataUrl]: { ...metadata, issuer: `${issuer}/` } })
    expect(slash.issuer).toBe(`fail: the metadata names the issuer ${issuer}/, and session.issuer is ${issuer}`)
    const tenants = await judge({
      ...good(),
      [metadataUrl]: { ...metadata, issuer: 'https://id.example.com/{tenantid}' },
    })
    expect(tenants.issuer).toMatch(/^fail: the metadata names the issuer .*\{tenantid\}/)
  })

  it('reveal algorithms that no key is for', async () => {
    expect((await judge(good(), { algorithms: ['ES256'] }))['session keys']).toBe(
      'fail: none of the 1 keys verifies ES256: the set has RSA for RS256',
    )
  })

  it('reveal a wrong clock', async () => {
    expect((await judge(good(), {}, now + 300))['issuer clock']).toMatch(/^fail: this machine is 5 min ahead of/)
    expect((await judge(good(), {}, now - 300))['issuer clock']).toMatch(/^fail: this machine is 5 min behind/)
    expect((await judge(good(), {}, now + 30))['issuer clock']).toMatch(/^pass/)
    // Its answer has a Date whatever it holds.
    const html = await judge({ ...good(), [jwksUrl]: '<html>' }, {}, now + 300)
    expect(html['issuer clock']).toMatch(/^fail: this machine is 5 min ahead of/)
  })

  it('are checked for each of several issuers; one without metadata has nothing to compare', async () => {
    const found = await judge(good(), { issuer: [issuer, 'https://app.example.com'] })
    expect(found.issuer).toMatch(/^pass/)
    expect(found['issuer 2']).toMatch(/^unknown: no metadata to compare with/)
  })

  it('need no request with HS256', async () => {
    expect(Object.keys(await judge({}, { algorithms: ['HS256'], jwksUrl: null }))).toEqual(['session keys'])
  })
})

describe('without AWS credentials', () => {
  const settings = {
    region: 'us-east-1',
    credentials: () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' })),
  } as unknown as ClientSettings
  const terminal = () => {
    const printed: string[] = []
    const out = (text: string) => void printed.push(text)
    return { printed, out, err: out, stdin: async () => '', now: () => now, env: {} }
  }

  it('doctor reports one fault, makes the other checks, and exits with 4', async () => {
    vi.stubGlobal('fetch', async () => new Response('', { status: 404 }))
    const screen = terminal()
    expect(await runDoctor({ stage: 'dev' }, screen, settings)).toBe(4)
    const faults = screen.printed.join('').match(/^.*credentials.*$/gm)
    expect(faults).toEqual([expect.stringMatching(/^FAIL {2}AWS +no valid credentials \(CredentialsProviderError\)/)])
    expect(screen.printed.join('')).toMatch(/^ {6}CHECK +FINDING$/m)
    expect(screen.printed.join('')).toMatch(/^FAIL {2}session keys/m)
  })

  it.each([
    ['keys status', () => runKeysStatus({ stage: 'dev' }, terminal(), settings)],
    ['keys rotate', () => runKeysRotate({ stage: 'dev' }, terminal(), settings)],
    ['revocations', () => runRevocations({ stage: 'dev' }, terminal(), settings)],
    ['repair', () => runRepair({ stage: 'dev' }, terminal(), settings)],
  ])('%s says so once', async (_, command) => {
    await expect(command()).rejects.toMatchObject({ name: 'CredentialsError' })
  })

  it('a command exits with 4', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere')
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere')
    const screen = terminal()
    expect(await main(['keys', 'status', '--stage', 'dev'], screen)).toBe(4)
    expect(screen.printed.join('')).toMatch(/no valid credentials/)
  })
})
