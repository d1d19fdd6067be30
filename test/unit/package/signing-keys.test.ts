import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  keysFromDocument,
  keysFromKms,
  keysFromPem,
  keysFromSecret,
  ServiceError,
  type SigningKeys,
  signUrl,
} from '../../../package/server.ts'
import { ecPrivatePem, ecPublicPem, rsaPrivatePem, rsaPublicPem } from '../fixtures/key-pairs.ts'

const keyPairId = 'KTEST'
const url = 'https://cdn.example.com/a'
const at = (seconds: number) => new Date((1_800_000_000 + seconds) * 1000)
const signAt = (keys: SigningKeys, seconds: number) => signUrl({ keys, url, now: at(seconds), expires: at(1e6) })

async function failureOf(work: () => unknown): Promise<Error> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was thrown')
}

/** The message and its causes hold no line of a key. */
function expectNoKey(error: Error, pem: string): void {
  const said = `${error.message} ${error.stack} ${error.cause}`
  for (const line of pem.split('\n').filter((text) => text.length > 20 && !text.startsWith('-----'))) {
    expect(said).not.toContain(line)
  }
}

const certificate = `-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUJx\n-----END CERTIFICATE-----\n`
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
const encrypted = createPrivateKey(rsaPrivatePem).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'secret',
})
const encryptedPkcs1 = createPrivateKey(rsaPrivatePem).export({
  type: 'pkcs1',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'secret',
})

describe('keysFromPem', () => {
  test.each([
    ['PKCS #8', createPrivateKey(rsaPrivatePem).export({ type: 'pkcs8', format: 'pem' })],
    ['PKCS #1', createPrivateKey(rsaPrivatePem).export({ type: 'pkcs1', format: 'pem' })],
    ['SEC 1', createPrivateKey(ecPrivatePem).export({ type: 'sec1', format: 'pem' })],
  ])('reads %s', async (_form, privateKey) => {
    expect(await signAt(keysFromPem({ keyPairId, privateKey: privateKey.toString() }), 0)).toContain(url)
  })

  test.each([
    ['an encrypted key', encrypted, /encrypted/],
    ['an encrypted PKCS #1 key', encryptedPkcs1, /encrypted/],
    ['a public key', rsaPublicPem, /public key/],
    ['a certificate', certificate, /certificate/],
    ['RSA of 1024 bits', rsa1024, /RSA-1024/],
    ['another curve', p384, /secp384r1/],
    ['Ed25519', ed25519, /another type/],
    ['a damaged text', rsaPrivatePem.replace('MIIE', 'MIIX'), /damaged/],
    ['\\n written out', rsaPrivatePem.trim().replaceAll('\n', '\\n'), /\\n written out/],
    ['a PEM on one line', rsaPrivatePem.trim().replaceAll('\n', ' '), /on one line/],
    ['a JWK', JSON.stringify({ kty: 'RSA', n: 'x' }), /is JSON/],
    ['DER', createPrivateKey(rsaPrivatePem).export({ type: 'pkcs8', format: 'der' }), /binary \(DER\)/],
    ['base64 of DER', rsaPrivatePem.replace(/-----[^-]+-----/g, ''), /without its lines BEGIN/],
    ['OpenSSH', rsaPrivatePem.replaceAll('PRIVATE KEY', 'OPENSSH PRIVATE KEY'), /OpenSSH/],
    ['no PEM', 'secret', /PEM/],
    ['nothing', '', /PEM/],
  ])('names the fault of %s', async (_what, pem, fault) => {
    const error = await failureOf(() => keysFromPem({ keyPairId, privateKey: pem.toString() }))
    expect(error).toBeInstanceOf(ServiceError)
    expect(error).toMatchObject({ code: 'ERR_KEYS_INVALID', message: expect.stringMatching(fault) })
    expectNoKey(error, pem.toString())
  })

  test.each(['', 'K TEST', 'K;TEST', `K${'X'.repeat(64)}`, 'K\n'])('refuses the key pair id %j', (id) => {
    expect(() => keysFromPem({ keyPairId: id, privateKey: ecPrivatePem })).toThrow(/key pair id/)
  })

  test('signs P-256 with SHA-256 only', () => {
    expect(() => keysFromPem({ keyPairId, privateKey: ecPrivatePem, hash: 'SHA1' })).toThrow(/SHA-256/)
  })
})

describe('keysFromDocument', () => {
  const key = (id: string, notBefore: number) => ({
    keyPairId: id,
    algorithm: 'ES256',
    privateKey: ecPrivatePem,
    publicKey: ecPublicPem,
    notBefore: at(notBefore).getTime() / 1000,
  })
  const document = JSON.stringify({ keys: [key('KOLD', -100), key('KNEW', 100)], stampKey: 'a'.repeat(43) })

  test('signs with the newest key whose time has come', async () => {
    const keys = keysFromDocument(document)
    expect(await signAt(keys, 99)).toContain('Key-Pair-Id=KOLD')
    expect(await signAt(keys, 100)).toContain('Key-Pair-Id=KNEW')
  })

  test.each([
    ['privateKey', encrypted.toString(), /is encrypted/],
    ['privateKey', ecPrivatePem.trim().replaceAll('\n', '\\n'), /\\n written out/],
    ['privateKey', ecPrivatePem.trim().replaceAll('\n', ' '), /on one line/],
    ['privateKey', ecPublicPem, /is a public key: give the private key/],
    ['publicKey', ecPrivatePem, /is a private key: give the public key/],
    ['publicKey', certificate, /is a certificate/],
    ['publicKey', 'ssh-rsa AAAAB3NzaC1yc2E= me', /OpenSSH/],
  ])('names a %s of another kind for what it is', async (field, value, fault) => {
    const error = await failureOf(() =>
      keysFromDocument(JSON.stringify({ keys: [{ ...key('KOLD', -100), [field]: value }], stampKey: 'a'.repeat(43) })),
    )
    expect(error.message).toMatch(new RegExp(`^key document: keys\\[0\\]\\.${field} `))
    expect(error.message).toMatch(fault)
    expectNoKey(error, value)
  })

  test('names the field of a fault', async () => {
    const error = await failureOf(() => keysFromDocument(document.replace('ES256', 'RS256')))
    expect(error).toMatchObject({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining('keys[0]') })
    expectNoKey(error, ecPrivatePem)
  })
})

describe('keysFromKms', () => {
  test('sends the policy to KMS Sign in the Region of its ARN', async () => {
    const sent: string[] = []
    const keys = keysFromKms({
      keyPairId,
      kmsKeyId: 'arn:aws:kms:eu-west-1:123456789012:key/abc',
      publicKey: ecPublicPem,
      credentials: async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'hidden' }),
      send: async ({ url, body = '' }) => {
        sent.push(url)
        const signature = sign('sha256', Buffer.from(JSON.parse(body).Message, 'base64'), ecPrivatePem)
        return { status: 200, body: JSON.stringify({ Signature: signature.toString('base64') }) }
      },
    })
    expect(await signAt(keys, 0)).toMatch(/Signature=[\w~-]+&Hash-Algorithm=SHA256$/)
    expect(sent).toEqual(['https://kms.eu-west-1.amazonaws.com/'])
  })

  test('turns a refusal into ERR_KEYS_UNAVAILABLE', async () => {
    const keys = keysFromKms({
      keyPairId,
      kmsKeyId: 'abc',
      publicKey: rsaPublicPem,
      credentials: async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'hidden' }),
      send: async () => ({ status: 400, body: '{"Message":"role/app may not sign"}' }),
    })
    const error = await failureOf(() => signAt(keys, 0))
    expect(error).toMatchObject({ name: 'ServiceError', code: 'ERR_KEYS_UNAVAILABLE' })
    expect(error.message).not.toContain('role/app')
  })

  test('needs the public key', () => {
    expect(() => keysFromKms({ keyPairId, kmsKeyId: 'abc', publicKey: ecPrivatePem })).toThrow(/public key/)
  })
})

describe('keysFromSecret', () => {
  afterEach(() => void vi.useRealTimers())

  test('reads the secret once an hour', async () => {
    const load = vi.fn(async () => ecPrivatePem)
    const keys = keysFromSecret({ secretId: 'cdn', keyPairId, load })
    await Promise.all([signAt(keys, 0), signAt(keys, 0), signAt(keys, 3599)])
    expect(load).toHaveBeenCalledTimes(1)
    await signAt(keys, 3600)
    expect(load.mock.calls).toEqual([['cdn'], ['cdn']])
  })

  test('follows a key that was replaced', async () => {
    const texts = [ecPrivatePem, rsaPrivatePem]
    const keys = keysFromSecret({ secretId: 'cdn', keyPairId, load: async () => texts.shift() ?? '' })
    const [first, second] = [await signAt(keys, 0), await signAt(keys, 3600)]
    expect(second.length).toBeGreaterThan(first.length + 200)
  })

  test('signs through an outage, and asks again after pauses that grow to 30 seconds', async () => {
    let tries: number[] = []
    let second = 0
    let down = false
    const load = async () => {
      tries.push(second)
      if (down) throw new Error('unreachable')
      return ecPrivatePem
    }
    const keys = keysFromSecret({ secretId: 'cdn', keyPairId, load })
    await signAt(keys, 0)
    down = true
    tries = []
    for (second = 3600; second < 3900; second++) expect(await signAt(keys, second)).toContain(url)
    const pauses = tries.slice(1).map((time, i) => time - (tries[i] ?? 0))
    expect(pauses.length).toBeGreaterThan(8)
    expect(Math.max(...pauses.slice(0, 2))).toBeLessThanOrEqual(2)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30)
    expect(Math.min(...pauses.slice(5))).toBeGreaterThanOrEqual(15)
    await expect(signAt(keys, 86_400)).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE' })
  })

  test('gives up on a store that never answers', async () => {
    vi.useFakeTimers()
    const keys = keysFromSecret({ secretId: 'cdn', keyPairId, load: () => new Promise(() => {}) })
    const failure = failureOf(() => signAt(keys, 0))
    await vi.advanceTimersByTimeAsync(5000)
    expect(await failure).toMatchObject({ name: 'ServiceError', code: 'ERR_KEYS_UNAVAILABLE' })
  })

  test('needs the key pair id of a PEM, and says so', async () => {
    const error = await failureOf(() => signAt(keysFromSecret({ secretId: 'cdn', load: async () => ecPrivatePem }), 0))
    expect(error).toMatchObject({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining('keyPairId') })
    expectNoKey(error, ecPrivatePem)
  })
})
