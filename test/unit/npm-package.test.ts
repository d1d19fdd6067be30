import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPackage } from '../../package/build.ts'
import { ecPrivatePem } from './fixtures/key-pairs.ts'

/** The package as a backend meets it: unpacked from the tarball, beside the packages that its manifest names and no others. */

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
let consumer = ''
let installed = ''

async function link(name: string): Promise<void> {
  const path = join(consumer, 'node_modules', name)
  await mkdir(dirname(path), { recursive: true })
  await symlink(join(root, 'node_modules', name), path)
}

beforeAll(async () => {
  consumer = await mkdtemp(join(tmpdir(), 'consumer-'))
  const built = join(consumer, 'built')
  await buildPackage(built)
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', consumer], { cwd: built })
  const [{ filename }] = JSON.parse(stdout)
  installed = join(consumer, 'node_modules/edge-signer')
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xf', join(consumer, filename), '-C', installed, '--strip-components=1'])
  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) await link(name)
  await writeFile(join(consumer, 'package.json'), '{"type":"module"}')
})

afterAll(() => rm(consumer, { recursive: true, force: true }))

test('runs in plain Node', async () => {
  const script = `
    import { keysFromPem, signUrl } from 'edge-signer/server'
    const keys = keysFromPem({ keyPairId: 'KTEST', privateKey: process.env.PEM })
    console.log(await signUrl({ keys, url: 'https://cdn.example.com/a b' }))`
  await writeFile(join(consumer, 'run.js'), script)
  const { stdout, stderr } = await run(process.execPath, ['run.js'], { cwd: consumer, env: { PEM: ecPrivatePem } })
  expect(stdout).toMatch(/^https:\/\/cdn\.example\.com\/a%20b\?Expires=\d+&Key-Pair-Id=KTEST&Signature=/)
  expect(stderr).toBe('')
})

test('has a client without dependencies for pages and workers', async () => {
  const script = `
    import { ClientError, createEdgeClient, RangeReader } from 'edge-signer/client'
    const client = createEdgeClient({ cdn: 'https://cdn.example.com' })
    const error = await new RangeReader(client, '/x').read(-1, 1).catch((error) => error)
    console.log(error instanceof ClientError, error.code, client.url('users/alice/a b'))`
  await writeFile(join(consumer, 'client.js'), script)
  const { stdout } = await run(process.execPath, ['client.js'], { cwd: consumer })
  expect(stdout.trim()).toBe('true ERR_ARGUMENT https://cdn.example.com/users/alice/a%20b')
})

test('has types that a strict compiler checks, the declarations included', async () => {
  await link('@types/node')
  await link('undici-types')
  const good = `
    import { keysFromPem, type SignedCookies, signCookies } from 'edge-signer/server'
    import { createEdgeClient, RangeReader, type Session } from 'edge-signer/client'
    const client = createEdgeClient()
    export const session: Promise<Session> = client.ensureSession()
    export const bytes: Promise<Uint8Array> = new RangeReader(client, '/x').read(0, 1)
    const keys = keysFromPem({ keyPairId: 'K', privateKey: '' })
    export const signed: Promise<SignedCookies> = signCookies({ keys, url: 'https://cdn.example.com/a/*', expiresIn: 60 })
    // @ts-expect-error
    signCookies({ keys, url: 1 })`
  await writeFile(join(consumer, 'types.ts'), good)
  const options = {
    strict: true,
    module: 'nodenext',
    noEmit: true,
    skipLibCheck: false,
    types: ['node'],
    lib: ['es2023', 'dom'],
  }
  await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['types.ts'] }))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [tsc, '-p', consumer]).catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
})

test('holds no test, no source and no name of this machine', async () => {
  const files = (await readdir(installed, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  expect(files.length).toBeGreaterThan(10)
  for (const { parentPath, name } of files) {
    expect(name).toMatch(/(\.js|\.d\.ts|^package\.json|^LICENSE|^README\.md)$/)
    expect(join(parentPath, name).slice(installed.length)).not.toMatch(/test|bench/)
    expect(await readFile(join(parentPath, name), 'utf8')).not.toContain(root)
  }
})
