import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { exportJWK } from 'jose'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { prepareState, stateFiles, writeKeyValue } from '../../../local/state/state-files.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import { parseKeyDocument } from '../../../shared/keys/key-document.ts'
import { revocationKey, revocationValue } from '../../../shared/revocation/key-value.ts'
import { createSessionVerifier } from '../../../shared/session/session.ts'
import { keySetKeys, sharedSecretKeys } from '../../../shared/session/session-keys.ts'
import config from '../fixtures/edge-signer.config.ts'
import { makeFolder, now, run } from './command-line.ts'

// The command imports the stages of this project.
vi.mock('../../../edge-signer.config.ts', () => import('../fixtures/edge-signer.config.ts'))

const folder = makeFolder()
afterAll(() => folder.remove())

const stateDirectory = folder.path('state')
const files = prepareState(stateDirectory, 'ES256', now)
const secret = parseKeyDocument(readFileSync(files.secret, 'utf8')).sessionSecret ?? ''

const local = parseDeployment(config, 'local').config.session
const verifyLocal = (token: string, key = secret) =>
  createSessionVerifier(
    local,
    sharedSecretKeys(async () => key),
  ).verify(token.trim(), now)

describe('session', () => {
  it('makes a session that the local stage accepts, with its claims', async () => {
    const args = [
      'session',
      'alice',
      '--state',
      stateDirectory,
      '--claim',
      'team=red',
      '--claim',
      'team=blue',
      '--claim',
      'admin:=true',
    ]
    const { status, out } = await run(args)
    expect(status).toBe(0)
    const session = await verifyLocal(out)
    expect(session.sub).toBe('alice')
    expect(session.claims).toMatchObject({ team: ['red', 'blue'], admin: true })
    expect(session.expiresAt).toBe(now + 8 * 3600)
  })

  it('prints a cookie line under the name that the stage expects', async () => {
    const { out } = await run(['session', 'alice', '--state', stateDirectory, '--cookie'])
    expect(out).toMatch(/^Cookie: session=[\w-]+\.[\w-]+\.[\w-]+\n$/)
  })

  it('signs with a secret from a file, without its line break', async () => {
    const other = 'another-secret-of-at-least-32-bytes!'
    const { out } = await run(['session', 'alice', '--secret-file', folder.write('secret', `${other}\n`)])
    expect((await verifyLocal(out, other)).sub).toBe('alice')
    await expect(verifyLocal(out)).rejects.toMatchObject({ code: 'ERR_SESSION_INVALID' })
  })

  it("signs with the app's private key for another stage", async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = folder.write('app.pem', String(privateKey.export({ type: 'pkcs8', format: 'pem' })))
    const { out } = await run([
      'session',
      'alice',
      '--stage',
      'dev',
      '--key',
      pem,
      '--kid',
      'k1',
      '--expires-in',
      '10m',
      '--json',
    ])
    const { token, alg, cookieName } = JSON.parse(out)
    expect({ alg, cookieName }).toEqual({ alg: 'RS256', cookieName: '__Host-session' })
    const keySet = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' }] }
    const verifier = createSessionVerifier(parseDeployment(config, 'dev').config.session, keySetKeys(keySet, undefined))
    expect((await verifier.verify(token, now)).expiresAt).toBe(now + 600)
  })

  const refused: Record<string, string[]> = {
    'a deployed stage without a key': ['--stage', 'dev'],
    'a short secret': ['--secret-file', folder.write('short', 'x')],
    'a claim that the command sets': ['--state', stateDirectory, '--claim', 'exp=1'],
    'a malformed claim': ['--state', stateDirectory, '--claim', 'team'],
    'a claim that is not JSON': ['--state', stateDirectory, '--claim', 'team:=red'],
    'an algorithm of another kind of key': ['--state', stateDirectory, '--alg', 'RS256'],
    'a missing state': ['--state', folder.path('nowhere')],
  }
  it.each([
    ['encrypted', /-----BEGIN ENCRYPTED/, 'is encrypted'],
    ['a public key', /-----BEGIN PUBLIC/, 'is a public key: give the private key'],
    ['on one line', / -----END/, 'on one line'],
    ['a JWK', /^\{/, 'is JSON'],
  ])('names a key file that is %s', async (what, form, words) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const forms: Readonly<Record<string, string | Buffer>> = {
      encrypted: privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
      'a public key': publicKey.export({ type: 'spki', format: 'pem' }),
      'on one line': pem.trim().replaceAll('\n', ' '),
      'a JWK': JSON.stringify(privateKey.export({ format: 'jwk' })),
    }
    const text = String(forms[what])
    expect(text).toMatch(form)
    const { status, err } = await run(['session', 'alice', '--stage', 'dev', '--key', folder.write('named.pem', text)])
    expect(status).toBe(2)
    expect(err).toContain(`--key: the key`)
    expect(err).toContain(words)
    expect(err).not.toContain(text.slice(60, 90))
  })

  it.each(Object.keys(refused))('refuses %s', async (name) => {
    const { status, out, err } = await run(['session', 'alice', ...(refused[name] ?? [])])
    expect({ status, out }).toEqual({ status: 2, out: '' })
    expect(err).toContain('ERR_REQUEST_INVALID')
  })

  it('names the configured stages if the given one is unknown', async () => {
    const { status, err } = await run(['session', 'alice', '--stage', 'nope'])
    expect(status).toBe(1)
    expect(err).toMatch(/dev, prod, local.*ERR_CONFIG/)
  })
})

describe('the local stage', () => {
  const url = 'http://localhost:8080/users/alice/x'
  const explain = async (header: string) => {
    const { out } = await run(['explain', url, '--cookie', header, '--state', stateDirectory, '--json'])
    const report = JSON.parse(out)
    return report.fault ?? report.verdict
  }

  it('signs and explains with the files that the emulation writes', async () => {
    const { out } = await run(['sign-cookies', 'http://localhost:8080/users/alice/', '--state', stateDirectory])
    expect(await explain(out)).toBe('granted')
    writeKeyValue(stateFiles(stateDirectory), revocationKey('/users/alice/'), revocationValue(now + 120))
    expect(await explain(out)).toBe('revoked')
    writeKeyValue(stateFiles(stateDirectory), revocationKey('/users/alice/'), undefined)
    expect(await explain(out)).toBe('granted')
  })
})
