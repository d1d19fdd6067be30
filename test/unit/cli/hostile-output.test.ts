import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { printErrorMessage, printJson, printLines, withEscapedOutput } from '../../../cli/print.ts'
import { createApp } from '../../../functions/api/app.ts'
import type { AssetStore } from '../../../shared/assets/asset-store.ts'
import { createTestApi } from '../../support/api.ts'
import { cookieHeader, policyFor, signedCookies, urlWithPolicy } from '../../support/policy-signer.ts'
import { makeFolder, now, type Run, run } from './command-line.ts'
import { keyDocument, makeKey } from './keys.ts'

/** Untrusted text never reaches the terminal as a control character, or as a separate line. */

const folder = makeFolder()
const forged = 'GRANTED: CloudFront lets this request through.'
/** A forged line; clear the screen; C1; an override, an isolate, separators of lines and paragraphs; a lone surrogate. */
const hostile = `\n${forged}\n\r${forged}\u001b[2J\u0000\u0007\u007f\u0085\u009b2J\u202e\u2066\u200f\u061c\u2028${forged}\u2029\ud800`
// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be printed
const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u

function expectHarmless({ out, err }: Run, name = ''): void {
  expect(`${out}${err}`, name).not.toBe('')
  for (const text of [out, err]) {
    expect(control.exec(text)?.[0], name).toBeUndefined()
    expect(
      text.split('\n').filter((line) => line.startsWith('GRANTED')),
      name,
    ).toEqual([])
  }
}

/** A path must not contain NUL. */
const noNul = hostile.replaceAll('\u0000', '')

const key = makeKey('KEC0000000001', 'ES256')
const keys = folder.write('keys.json', keyDocument([key], 'c3RhbXAta2V5LXN0YW1wLWtleS1zdGFtcC1rZXktMTIz'))
const url = 'https://cdn.example.com/users/alice/disk.img'
const policyOf = (resource: string) => policyFor({ resource, expires: now + 600 })
const base64 = (text: string) =>
  Buffer.from(text)
    .toString('base64')
    .replace(/[+=/]/g, (c) => ({ '+': '-', '=': '_' })[c] ?? '~')
const cookieOf = (resource: string) => cookieHeader(signedCookies(key, policyOf(resource)))
const withPolicy = (policy: string) =>
  cookieOf('https://cdn.example.com/*').replace(/CloudFront-Policy=[^;]+/, `CloudFront-Policy=${base64(policy)}`)
const header = (text: string) => text.replace(/[\r\n]/g, '')
const jarLine = (...fields: string[]) => `${fields.join('\t')}\n`

const explained: Record<string, string[]> = {
  'the Resource of a signed policy': [
    url,
    '--cookie',
    cookieOf(`https://cdn.example.com/users/bob/${hostile}*`),
    '--keys',
    keys,
  ],
  'a Resource that covers the URL': [url, '--cookie', cookieOf(`*${hostile}*`), '--keys', keys],
  'a Resource without keys': [url, '--cookie', cookieOf(`https://cdn.example.com/${hostile}`)],
  'a Resource without a URL': ['--cookie', cookieOf(`https://cdn.example.com/${hostile}`), '--keys', keys],
  'a member of a policy': [
    url,
    '--cookie',
    withPolicy(JSON.stringify({ [hostile]: hostile, Statement: [{ [hostile]: 1 }] })),
  ],
  'a policy that is no JSON': [url, '--cookie', withPolicy(`{${hostile}`)],
  'a date': [url, '--cookie', withPolicy(policyOf('*').replace(String(now + 600), JSON.stringify(hostile)))],
  'an address': [
    url,
    '--cookie',
    cookieHeader(signedCookies(key, policyFor({ resource: '*', expires: now + 600, sourceIp: hostile }))),
    '--keys',
    keys,
  ],
  'a signed URL': [urlWithPolicy(key, url, policyOf(`https://x/${hostile}`)), '--keys', keys],
  'the key pair id of a URL': [`${url}?Policy=${base64(policyOf('*'))}&Signature=x&Key-Pair-Id=K${hostile}`],
  'the key pair id of a cookie': [
    url,
    '--cookie',
    `CloudFront-Key-Pair-Id=K${header(hostile)}; CloudFront-Policy=a; CloudFront-Signature=b`,
  ],
  'the hash of a cookie': [url, '--cookie', `${cookieOf('*')}; CloudFront-Hash-Algorithm=${header(hostile)}`],
  'the path of a URL': [`https://cdn.example.com/users/${hostile}/x`, '--cookie', cookieOf('*'), '--keys', keys],
  'the query of a URL': [`${url}?${hostile}=${hostile}`, '--cookie', cookieOf('https://other.test/*'), '--keys', keys],
  'the header of an answer': [
    url,
    '--cookie',
    cookieOf('*'),
    '--response-headers',
    folder.write(
      'headers',
      `HTTP/2 403 \r\nx-cache: Error ${header(hostile)}\r\nserver: ${header(hostile)}\r\nx-edge-signer-reason: ${header(hostile)}\r\n\r\n`,
    ),
  ],
  'the body of an answer': [
    url,
    '--cookie',
    cookieOf('*'),
    '--body',
    folder.write('body', `<Error><Code>${hostile}</Code><Message>${hostile}</Message></Error>`),
  ],
  'the problem of an answer': [
    url,
    '--cookie',
    cookieOf('*'),
    '--body',
    folder.write(
      'problem',
      JSON.stringify({ type: 'about:blank', code: `ERR_X${hostile}`, title: hostile, status: 403 }),
    ),
  ],
  'a mint’s answer': [
    url,
    '--set-cookie',
    folder.write(
      'mint',
      `HTTP/2 200\r\nset-cookie: CloudFront-Policy=${header(hostile)}; Path=/${header(hostile)}; Domain=${header(hostile)}\r\n\r\n`,
    ),
  ],
  'a cookie jar': [
    url,
    '--jar',
    folder.write(
      'jar',
      jarLine(
        'cdn.example.com',
        'FALSE',
        `/x${header(hostile)}`,
        'TRUE',
        String(now + 60),
        'CloudFront-Policy',
        header(hostile),
      ),
    ),
  ],
  'the revocations of a stage': [
    url,
    '--cookie',
    cookieOf('*'),
    '--keys',
    keys,
    '--revocations',
    folder.write(
      'state',
      JSON.stringify({ revocations: [{ prefix: `/users/${hostile}/`, sub: hostile, before: now, expires: now + 99 }] }),
    ),
  ],
}

describe('explain', () => {
  it.each(Object.entries(explained))('prints no control character of %s', async (name, args) => {
    for (const form of [[], ['--json']]) {
      const result = await run(['explain', ...args, ...form])
      expectHarmless(result, name)
      expect(result.status, name).not.toBe(0)
      expect(result.status, result.err).not.toBe(3)
      if (form.length > 0 && result.out !== '') expect(JSON.parse(result.out).verdict, name).not.toBe('granted')
    }
  })

  it('refuses a Resource with a line feed, and prints no line of it', async () => {
    const args = ['explain', url, '--cookie', cookieOf(`https://cdn.example.com/users/bob/\n${forged}`), '--keys', keys]
    const { out } = await run(args)
    expect(out).toMatch(/FAIL {2}policy-statement +Resource has .* a control character/)
    expect(out).not.toContain(forged)
    expect(out.split('\n').filter((line) => /^[A-Z]+: /.test(line))).toEqual([])
    expect(JSON.parse((await run([...args, '--json'])).out).verdict).toBe('refused')
  })

  it('shows a Resource with a line separator escaped, and keeps it in the JSON', async () => {
    const resource = `https://cdn.example.com/users/bob/\u2028${forged}`
    const args = ['explain', url, '--cookie', cookieOf(resource), '--keys', keys]
    expect((await run(args)).out).toContain(`policy   https://cdn.example.com/users/bob/\\u2028${forged} until`)
    expect(JSON.parse((await run([...args, '--json'])).out).policy.resource).toBe(resource)
  })
})

describe('every other command', () => {
  const api = createTestApi({} as AssetStore, {
    now: () => now,
    config: {
      session: { cookieName: 'session', algorithms: ['HS256'], issuer: 'edge-signer-local', audience: 'edge-signer' },
    },
  })
  const app = createApp(api.services)
  const server = createAdaptorServer({ fetch: (request) => app.fetch(request) })
  const stage = () => [
    '--url',
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    '--state',
    folder.path('.'),
  ]
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    folder.write('secret.json', api.documents.keys ?? '')
    folder.write('key-group.json', '{}')
  })
  afterAll(() => {
    server.close()
    folder.remove()
  })

  it('prints no control character of a user’s name in a revocation', async () => {
    const sub = `mallory\u001b[2J\n${forged}\u202e\u0085`
    for (const form of [[], ['--json']]) {
      expectHarmless(await run(['revoke', '/users/alice/', '--sub', sub, ...form, ...stage()]))
      expectHarmless(await run(['revocations', ...form, ...stage()]))
      expectHarmless(await run(['revoke', '/users/alice/', '--sub', sub, '--undo', ...form, ...stage()]))
      expectHarmless(await run(['revoke', '/users/alice/', '--sub', sub, '--undo', ...form, ...stage()]))
    }
  })

  const calls: Record<string, string[]> = {
    'no such command': [hostile],
    'no such option': ['explain', `--x${hostile}`],
    'too many arguments': ['revocations', hostile],
    'the value of a choice': ['session', 'alice', '--alg', hostile],
    'a stage': ['session', 'alice', '--stage', hostile],
    'a stage of doctor': ['doctor', '--stage', hostile],
    'a parameter': ['doctor', '--stage', 'prod', '--param', `${hostile}=1`],
    'the value of a parameter': ['doctor', '--stage', 'prod', '--param', `enforcement=${hostile}`],
    'an address of doctor': ['doctor', '--url', hostile, '--port', '0'],
    'a port': ['doctor', '--port', hostile],
    'a prefix': ['revoke', `/users/${hostile}/`],
    'a stage of keys': ['keys', 'status', '--stage', hostile],
    'a stage of a rotation': ['keys', 'rotate', '--stage', hostile],
    'a file of keys': ['explain', url, '--keys', `/nowhere/${noNul}`],
    'a key pair id': ['sign-url', url, '--keys', `${hostile}=/nowhere`],
    'a URL to sign': ['sign-url', `https://cdn.example.com/users/${hostile}`, '--keys', keys],
    'a URL to sign with an odd host': ['sign-url', `https://cdn${hostile}/x`, '--keys', keys],
    'a folder to sign': ['sign-cookies', `https://cdn.example.com/users/${hostile}/`, '--keys', keys],
    'a time': ['sign-url', url, '--keys', keys, '--expires-in', hostile],
    'an address to sign for': ['sign-cookies', 'https://cdn.example.com/users/alice/', '--keys', keys, '--ip', hostile],
    'a jar to write': [
      'sign-cookies',
      'https://cdn.example.com/users/alice/',
      '--keys',
      keys,
      '--jar',
      `/nowhere/${noNul}`,
    ],
    'a user': ['session', hostile, '--secret-file', folder.write('secret', 'x'.repeat(40))],
    'a claim': ['session', 'alice', '--claim', hostile],
    'an issuer': [
      'session',
      'alice',
      '--issuer',
      hostile,
      '--audience',
      hostile,
      '--secret-file',
      folder.write('secret', 'x'.repeat(40)),
    ],
  }
  it.each(Object.entries(calls))('prints no control character of %s', async (name, args) => {
    const takesJson = !['no such command', 'no such option'].includes(name) && !args.includes('--jar')
    for (const form of takesJson ? [[], ['--json']] : [[]]) expectHarmless(await run([...args, ...form]), name)
  })
})

describe('printing', () => {
  const captured = () => {
    const seen = { out: '', err: '' }
    const terminal = {
      out: (text: string) => {
        seen.out += text
      },
      err: (text: string) => {
        seen.err += text
      },
      stdin: async () => '',
      env: {},
      now: () => now,
    }
    return { seen, terminal }
  }

  it('does not change the value of JSON', () => {
    const { seen, terminal } = captured()
    const value = { [hostile]: [hostile, 'ü 日本'] }
    printJson(terminal, value)
    expect(control.exec(seen.out)).toBeNull()
    expect(JSON.parse(seen.out)).toEqual(value)
    expect(seen.out).toContain('ü 日本')
  })

  it('prints each line as one line, with its control characters escaped', () => {
    const { seen, terminal } = captured()
    printLines(terminal, ['a\nb\tc', '\u001b\u202e ü 日本 😀'])
    expect(seen.out).toBe('a\\nb\\tc\n\\u001b\\u202e ü 日本 😀\n')
  })

  it('indents every line of a message but the first', () => {
    const { seen, terminal } = captured()
    printErrorMessage(terminal, `one\n${forged}\r`)
    expect(seen.err).toBe(`one\n  ${forged}\\r\n`)
  })

  it('escapes control characters of every other writer', () => {
    const { seen, terminal } = captured()
    withEscapedOutput(terminal).out('a\tb\n\u001b[2J\u202e')
    withEscapedOutput(terminal).err('\u009b')
    expect(seen).toEqual({ out: 'a\tb\n\\u001b[2J\\u202e', err: '\\u009b' })
  })

  it('is done in one module', () => {
    const root = fileURLToPath(new URL('../../../cli', import.meta.url))
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    const writers = files.filter((file) =>
      /terminal\.(?:out|err)\(|process\.std(?:out|err)|console\./.test(readFileSync(`${root}/${file}`, 'utf8')),
    )
    // main.ts prints the parser's help, terminal.ts owns the streams of the process.
    expect(writers.sort()).toEqual(['main.ts', 'print.ts', 'terminal.ts'])
  })
})
