import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { checks } from '../../../cli/explain/checks/index.ts'
import { makeFolder, run } from './command-line.ts'

const folder = makeFolder()
afterAll(() => folder.remove())

const root = fileURLToPath(new URL('../../..', import.meta.url))
const commands = ['explain', 'sign-url', 'sign-cookies', 'session', 'revoke', 'revocations', 'keys', 'doctor']
const secret = 'A1b2C3d4E5f6G7h8I9j0'.repeat(6)

describe('edge-signer', () => {
  it.each([[], ...commands.map((name) => [name])])('prints help with examples: %s', async (...path) => {
    const { status, out } = await run([...path, '--help'])
    expect(status).toBe(0)
    expect(out).toContain('Examples:')
    expect(out).toContain('Exit status:')
  })

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
    expect(await run(['--version'])).toMatchObject({ status: 0, out: `${version}\n` })
  })

  const wrong: Record<string, string[]> = {
    'no command': [],
    'an unknown command': [`https://cdn.example.com/x?Signature=${secret}`],
    'an unknown option': ['explain', '--nope'],
    'an option without its value': ['explain', '--jar'],
    'too many arguments': ['session', 'alice', secret],
    'explain without anything': ['explain'],
    'explain with an argument of no known kind': ['explain', secret],
    'explain with two URLs': ['explain', 'https://a.test/', 'https://b.test/'],
    'a malformed URL': ['explain', '--url', `//${secret}`],
    'a URL with a user name': ['explain', `https://alice:${secret}@a.test/`],
    'a malformed jar': ['explain', 'https://a.test/', '--jar', folder.write('jar', `${secret}\t${secret}\n`)],
    'a missing file': ['explain', 'https://a.test/', '--keys', folder.path('nothing')],
    'malformed keys': ['explain', 'https://a.test/', '--keys', folder.write('keys', `{"keys":"${secret}"}`)],
    'a malformed PEM': ['explain', 'https://a.test/', '--keys', `K1=${folder.write('pem', secret)}`],
    'standard input named twice': ['explain', 'https://a.test/', '--cookie', '@-', '--keys', '-'],
    'a malformed address': ['explain', 'https://a.test/', '--ip', secret],
    'a malformed time': ['explain', 'https://a.test/', '--at', secret],
    'a malformed state': ['explain', 'https://a.test/', '--revocations', folder.write('state', secret)],
  }
  it.each(Object.keys(wrong))('exits with 2 and repeats no value: %s', async (name) => {
    const { status, out, err } = await run(wrong[name] ?? [])
    expect(status).toBe(2)
    expect(out).toBe('')
    expect(err).not.toBe('')
    expect(err).not.toContain(secret)
  })

  it('names two options that read standard input', async () => {
    const asked = async (...args: string[]) => (await run(['explain', 'https://a.test/', ...args], '{}')).err
    expect(await asked('--cookie', '@-', '--keys', '-')).toContain('--cookie and --keys: standard input')
    expect(await asked('--keys', 'K1=-', '--keys', '-')).toContain('--keys and --keys: standard input')
    expect(await asked('--response-headers', '-', '--jar', '-')).toContain('--response-headers and --jar')
  })

  it('runs as a program from any folder, with its exit status', () => {
    const starter = `${root}cli/edge-signer.mjs`
    const call = (...args: string[]) => spawnSync(process.execPath, [starter, ...args], { cwd: '/', encoding: 'utf8' })
    const refused = call('explain', 'https://cdn.example.com/users/alice/x', '--cookie', 'a=b')
    expect(refused.stdout).toContain('REFUSED at key-pair-id (not-signed')
    expect(refused.stderr).toBe('')
    expect(refused.status).toBe(1)
    expect(call('explain').status).toBe(2)
    expect(call('--help').status).toBe(0)
  })

  it('loads no command before it runs', () => {
    const eager = readdirSync(`${root}cli/commands`).flatMap((file) =>
      [...readFileSync(`${root}cli/commands/${file}`, 'utf8').matchAll(/^import (?!type )[^\n]*from '([^']+)'/gm)].map(
        ([, name]) => name,
      ),
    )
    const light = ['commander', './options.ts']
    expect(eager.filter((name) => !light.includes(name ?? ''))).toEqual([])
  })
})

describe('docs/explain.md', () => {
  it('lists every check, in its order', () => {
    const [, section = ''] = readFileSync(`${root}docs/explain.md`, 'utf8').split('\n## The checks\n')
    const table = section.matchAll(/^\| `([a-z0-9-]+)` \|/gm)
    expect([...table].map(([, name]) => name)).toEqual(checks.map(({ name }) => name))
  })
})
