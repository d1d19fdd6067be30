import { createPrivateKey } from 'node:crypto'
import { chmodSync, closeSync, lstatSync, openSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { parseNetscapeJar } from '../../../cli/input/stored-cookies.ts'
import { makeFolder, now, run } from './command-line.ts'
import { keyDocument, makeKey, type TestKey } from './keys.ts'

const folder = makeFolder()
afterAll(() => folder.remove())

const algorithms = ['ES256', 'RS256', 'RS1'] as const
const made = Object.fromEntries(algorithms.map((algorithm) => [algorithm, makeKey(`K${algorithm}`, algorithm)]))
const keyOf = (algorithm: (typeof algorithms)[number]) => made[algorithm] as TestKey
const documentOf = (algorithm: (typeof algorithms)[number]) =>
  folder.write(`${algorithm}.json`, keyDocument([keyOf(algorithm)], 'c3RhbXAta2V5LXN0YW1wLWtleS1zdGFtcC1rZXktMTIz'))
const pemOf = (algorithm: (typeof algorithms)[number]) => {
  const { keyPairId, privateKey } = keyOf(algorithm)
  return `${keyPairId}=${folder.write(`${algorithm}.pem`, privateKey)}`
}

const file = 'https://cdn.example.com/users/alice/a%20b.bin?v=1'
const prefix = 'https://cdn.example.com/users/alice/'

/** Returns the fault or the verdict of `explain`, with the keys that signed the request. */
async function verdict(keys: string, ...args: string[]): Promise<string> {
  const { out } = await run(['explain', ...args, '--keys', keys, '--json'])
  const report = JSON.parse(out)
  return report.fault ?? report.verdict
}

describe('sign-url', () => {
  it.each(algorithms)('signs a URL with %s that explain grants', async (algorithm) => {
    const keys = documentOf(algorithm)
    const { status, out } = await run(['sign-url', file, '--keys', keys])
    expect(status).toBe(0)
    expect(out.startsWith(`${file}&Policy=`)).toBe(true)
    expect(await verdict(keys, out.trim())).toBe('granted')
    expect(await verdict(keys, out.trim().replace('v=1', 'v=2'))).toBe('resource-path')
  })

  it.each(algorithms)('signs a canned policy with %s that explain grants', async (algorithm) => {
    const keys = documentOf(algorithm)
    const { status, out } = await run(['sign-url', file, '--canned', '--keys', keys, '--expires-in', '10m'])
    expect(status).toBe(0)
    expect(out.startsWith(`${file}&Expires=${now + 600}&`)).toBe(true)
    expect(await verdict(keys, out.trim())).toBe('granted')
  })

  it.each([
    ['--folder', prefix],
    ['--ip', '192.0.2.1', file],
    ['--not-before', '2030-01-01T00:00:00Z', file],
  ])('refuses --canned beside %s', async (...args) => {
    const { status, err } = await run(['sign-url', '--canned', ...args, '--keys', documentOf('ES256')])
    expect([status, err]).toEqual([2, expect.stringContaining('--canned')])
  })

  it('takes the key of CF_KEY_ID and CF_PRIVATE_KEY, with literal line feeds', async () => {
    const { keyPairId, privateKey } = keyOf('RS256')
    const env = { CF_KEY_ID: keyPairId, CF_PRIVATE_KEY: privateKey.replaceAll('\n', '\\n') }
    const { status, out } = await run(['sign-url', file], '', env)
    expect(status).toBe(0)
    expect(await verdict(documentOf('RS256'), out.trim())).toBe('granted')
    const wrong = await run(['sign-url', file], '', { ...env, CF_PRIVATE_KEY: privateKey.slice(0, 200) })
    expect([wrong.status, wrong.err]).toEqual([
      2,
      expect.stringContaining('CF_PRIVATE_KEY: the private key is damaged'),
    ])
    expect(wrong.err).not.toContain(privateKey.slice(60, 120))
    expect((await run(['sign-url', file], '', { CF_KEY_ID: keyPairId })).err).toContain('--keys')
  })

  it.each([
    ["a ' in the query string", `${file}&name=it's`, '&name=it%27s'],
    ['braces', 'https://cdn.example.com/users/alice/{a}', 'the guard refuses this path'],
    ['a grave accent', 'https://cdn.example.com/users/alice/a`b', 'the guard refuses this path'],
    ['a fragment', `${file}#page=2`, 'a # begins a fragment'],
    ['a parent folder', 'https://cdn.example.com/users/alice/../bob/x', 'the guard refuses this path'],
    ['an empty segment', 'https://cdn.example.com/users//alice/x', 'the guard refuses this path'],
    ['a lone %', 'https://cdn.example.com/users/alice/100%', 'the guard refuses this path'],
    ['an escape in lower case', 'https://cdn.example.com/users/alice/a%2bb', 'the guard refuses this path'],
    ['a letter that needs no escape', 'https://cdn.example.com/users/%61lice/x', 'the guard refuses this path'],
  ])('refuses %s, which would be signed in vain', async (_what, url, reason) => {
    const { status, out, err } = await run(['sign-url', url, '--keys', documentOf('ES256')])
    expect([status, out]).toEqual([2, ''])
    expect(err).toContain(reason)
  })

  it.each(["it's", 'a+b', 'a%2Bb', 'a(1)!', '%E2%82%AC', 'a|b', '[1]'])('signs the name %s as it is', async (name) => {
    const url = `https://cdn.example.com/users/alice/${name}`
    const { status, out, err } = await run(['sign-url', url, '--keys', documentOf('ES256')])
    expect([status, err]).toEqual([0, ''])
    expect(out.startsWith(`${url}?Policy=`)).toBe(true)
  })

  it('signs with a single PEM key, with SHA-1 if requested', async () => {
    const ec = await run(['sign-url', file, '--keys', pemOf('ES256')])
    expect(await verdict(documentOf('ES256'), ec.out.trim())).toBe('granted')
    const sha1 = await run(['sign-url', file, '--keys', pemOf('RS1'), '--sha1'])
    expect(sha1.out).not.toContain('Hash-Algorithm')
    expect(await verdict(documentOf('RS1'), sha1.out.trim())).toBe('granted')
  })

  it('signs a folder, for every file below it', async () => {
    const keys = documentOf('ES256')
    const { out } = await run(['sign-url', '--folder', `${prefix}*`, '--keys', keys, '--json'])
    const { baseUrl, querystring } = JSON.parse(out)
    expect(baseUrl).toBe(prefix)
    expect(await verdict(keys, `${baseUrl}deep/er.bin?${querystring}`)).toBe('granted')
    expect(await verdict(keys, `https://cdn.example.com/users/alice2/x?${querystring}`)).toBe('resource-path')
  })

  it('obeys the given times and address', async () => {
    const keys = documentOf('ES256')
    const args = ['--keys', keys, '--expires-in', '15m', '--not-before', '+1m', '--ip', '192.0.2.7']
    const url = (await run(['sign-url', file, ...args])).out.trim()
    expect(await verdict(keys, url, '--ip', '192.0.2.7')).toBe('not-yet-valid')
    expect(await verdict(keys, url, '--ip', '192.0.2.7', '--at', '+2m')).toBe('granted')
    expect(await verdict(keys, url, '--ip', '192.0.2.8', '--at', '+2m')).toBe('ip-mismatch')
    expect(await verdict(keys, url, '--ip', '192.0.2.7', '--at', '+15m')).toBe('expired')
  })

  it('keeps the http scheme of the emulation, which is signed as https', async () => {
    const keys = documentOf('ES256')
    const { out } = await run(['sign-url', 'http://localhost:8080/users/alice/x', '--keys', keys])
    expect(out.startsWith('http://localhost:8080/users/alice/x?')).toBe(true)
    expect(await verdict(keys, out.trim())).toBe('granted')
  })

  const refused: Record<string, string[]> = {
    'no key': [file],
    'a public key': [file, '--keys', `K1=${folder.write('public.pem', keyOf('ES256').publicKey)}`],
    'a PEM without its id': [file, '--keys', folder.write('bare.pem', keyOf('ES256').privateKey)],
    'a relative URL': ['/users/alice/x', '--keys', documentOf('ES256')],
    'a URL that is not encoded': ['https://cdn.example.com/a b', '--keys', documentOf('ES256')],
    'a wildcard': ['https://cdn.example.com/users/*', '--keys', documentOf('ES256')],
    'a URL that is already signed': [`${file}&Signature=x`, '--keys', documentOf('ES256')],
    'a folder that is not a prefix': ['https://cdn.example.com/users/alice', '--folder', '--keys', documentOf('ES256')],
    'SHA-1 with an elliptic curve': [file, '--sha1', '--keys', pemOf('ES256')],
    'SHA-1 with a key document': [file, '--sha1', '--keys', documentOf('RS1')],
    'SHA-1 with the local stage': [file, '--sha1', '--state', folder.path('state')],
    'an end in the past': [file, '--keys', documentOf('ES256'), '--expires', String(now - 1)],
    'an end now': [file, '--keys', documentOf('ES256'), '--expires', 'now'],
    'an IPv6 address': [file, '--keys', documentOf('ES256'), '--ip', '2001:db8::1'],
    'a block of addresses': [file, '--keys', documentOf('ES256'), '--ip', '10.0.0.0/8'],
    'an end before the start': [file, '--keys', documentOf('ES256'), '--expires', '+1h', '--not-before', '+2h'],
    'two ends': [file, '--keys', documentOf('ES256'), '--expires', '+1h', '--expires-in', '1h'],
    'a time without a zone': [file, '--keys', documentOf('ES256'), '--expires', '2030-01-31T12:00:00'],
  }
  it.each(Object.keys(refused))('refuses %s with status 2 and no output', async (name) => {
    const { status, out, err } = await run(['sign-url', ...(refused[name] ?? [])])
    expect({ status, out }).toEqual({ status: 2, out: '' })
    expect(err).toMatch(/ERR_REQUEST_INVALID/)
    for (const option of (refused[name] ?? []).filter((arg) => /^--(sha1|ip|expires)$/.test(arg))) {
      expect(err).toContain(option)
    }
  })
})

describe('sign-cookies', () => {
  it.each(algorithms)('prints a header line for curl, signed with %s', async (algorithm) => {
    const keys = documentOf(algorithm)
    const { status, out } = await run(['sign-cookies', prefix, '--keys', keys])
    expect(status).toBe(0)
    expect(out).toMatch(/^Cookie: CloudFront-Policy=[^\n]+\n$/)
    expect(await verdict(keys, `${prefix}x`, '--cookie', out)).toBe('granted')
    expect(await verdict(keys, 'https://cdn.example.com/users/bob/x', '--cookie', out)).toBe('resource-path')
  })

  it('writes a jar that only its owner may read, with a stamp that survives an older revocation', async () => {
    const keys = documentOf('ES256')
    const jar = folder.path('jar')
    expect((await run(['sign-cookies', prefix, '--keys', keys, '--jar', jar])).out).toBe('')
    expect(statSync(jar).mode & 0o777).toBe(0o600)
    const cookies = parseNetscapeJar(readFileSync(jar, 'utf8'))
    expect(cookies.map(({ name }) => name)).toContain('edge-issued')
    expect(cookies.every(({ path, secure, hostOnly }) => path === '/users/alice/' && secure && hostOnly)).toBe(true)
    const revocations = [{ prefix: '/users/alice/', before: now - 1, expires: now + 100 }]
    const state = folder.write('state.json', JSON.stringify({ revocations }))
    expect(await verdict(keys, `${prefix}x`, '--jar', jar, '--revocations', state)).toBe('granted')
    expect(await verdict(keys, 'https://cdn.example.com/users/alice2/x', '--jar', jar)).toBe('cookie-path')
  })

  it('replaces an existing jar by one for its owner only, and keeps a symbolic link', async () => {
    const keys = documentOf('ES256')
    const [jar, link] = [folder.write('open-jar', 'old'), folder.path('link')]
    chmodSync(jar, 0o644)
    symlinkSync(jar, link)
    const held = openSync(jar, 'r')
    expect((await run(['sign-cookies', prefix, '--keys', keys, '--jar', link])).status).toBe(0)
    expect(statSync(jar).mode & 0o777).toBe(0o600)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(parseNetscapeJar(readFileSync(jar, 'utf8'))).toHaveLength(5)
    // A process that has the old file open does not get the cookies.
    expect(readFileSync(held, 'utf8')).toBe('old')
    closeSync(held)
    expect(readdirSync(folder.path('.')).filter((name) => name.startsWith('open-jar'))).toEqual(['open-jar'])
  })

  it('writes directly to a device, and reports a path that it cannot write', async () => {
    const keys = documentOf('ES256')
    expect((await run(['sign-cookies', prefix, '--keys', keys, '--jar', '/dev/null'])).status).toBe(0)
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
    for (const path of [folder.path('.'), folder.path('nowhere/jar')]) {
      const { status, err } = await run(['sign-cookies', prefix, '--keys', keys, '--jar', path])
      expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining('--jar: cannot write') })
    }
  })

  it('prints the same jar and JSON on standard output', async () => {
    const keys = documentOf('ES256')
    const jar = await run(['sign-cookies', prefix, '--keys', keys, '--jar', '-'])
    expect(parseNetscapeJar(jar.out)).toHaveLength(5)
    const {
      cookies,
      prefix: signed,
      expiresAt,
    } = JSON.parse((await run(['sign-cookies', prefix, '--keys', keys, '--json'])).out)
    expect({ signed, expiresAt }).toEqual({ signed: '/users/alice/', expiresAt: '2030-01-01T01:00:00Z' })
    expect(Object.keys(cookies)).toHaveLength(5)
  })
})

describe('a key file in another form', () => {
  const pem = keyOf('RS256').privateKey
  const encrypted = createPrivateKey(pem).export({
    ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  } as const)
  it.each<[string, string | Buffer, string]>([
    ['encrypted', encrypted, 'encrypted: openssl pkey -in'],
    ['OpenSSH', pem.replaceAll('PRIVATE KEY', 'OPENSSH PRIVATE KEY'), "OpenSSH's form: ssh-keygen -p"],
    ['an OpenSSH public key', 'ssh-rsa AAAAB3NzaC1yc2E= me', "OpenSSH's form: ssh-keygen -e"],
    ['a damaged key', pem.slice(0, 300), 'is damaged'],
    ['with \\n written out', pem.trim().replaceAll('\n', '\\n'), 'written out'],
    ['on one line', pem.trim().replaceAll('\n', ' '), 'on one line'],
    ['JSON', '{"keys":[]}', 'is JSON: name a key document without an id'],
    ['DER', createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }), 'binary (DER)'],
    ['something else', 'hello', 'not a PEM public or private key'],
  ])('is named: %s', async (_what, content, words) => {
    const { status, err } = await run(['sign-url', file, '--keys', `K1=${folder.write('key', content)}`])
    expect(status).toBe(2)
    expect(err).toContain(words)
    expect(err).not.toContain(pem.split('\n')[1])
  })
})
