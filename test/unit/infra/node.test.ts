import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { fetchedNode, fetchNode, isSupportedNode } from '../../../infra/node.mjs'

const root = mkdtempSync(join(tmpdir(), 'edge-signer-node-'))
const tools = join(root, '.local/tools')
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** npm as far as `fetchNode` calls it: puts the package's program under the prefix. */
async function npm(args: string[]): Promise<boolean> {
  const prefix = args[args.indexOf('--prefix') + 1] ?? ''
  const [name = ''] = args.at(-1)?.split('@') ?? []
  const program = join(prefix, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  mkdirSync(dirname(program), { recursive: true })
  writeFileSync(program, args.join(' '))
  return true
}

describe('isSupportedNode', () => {
  it.each([
    ['18.20.4', false],
    ['20.20.2', false],
    ['22.17.1', false],
    ['22.18.0', true],
    ['24.0.0', true],
    ['100.1.0', true],
  ])('%s: %s', (version, expected) => {
    expect(isSupportedNode(version)).toBe(expected)
  })
})

describe('fetchNode', () => {
  it('puts the asked version where fetchedNode finds it, once', async () => {
    expect(fetchedNode(root, '24.1.0')).toBeUndefined()
    const program = await fetchNode(root, '24.1.0', npm)
    expect(program).toBe(fetchedNode(root, '24.1.0'))
    expect(existsSync(program ?? '')).toBe(true)
    expect(await fetchNode(root, '24.1.0', () => Promise.reject(new Error('asked npm again')))).toBe(program)
    expect(fetchedNode(root, '24.2.0')).toBeUndefined()
  })

  it('leaves nothing if npm fails, or is interrupted', async () => {
    expect(await fetchNode(root, '24.1.0', async (args) => !(await npm(args)))).toBeUndefined()
    await expect(
      fetchNode(root, '24.1.0', async (args) => {
        await npm(args)
        throw new Error('interrupted')
      }),
    ).rejects.toThrow('interrupted')
    expect(readdirSync(tools)).toEqual([])
  })

  it('takes what another process fetched in the meantime', async () => {
    const program = await fetchNode(root, '24.1.0', async (args) => {
      const other = join(tools, 'node-24.1.0')
      await npm(args.map((argument) => (argument.includes('node-24.1.0.') ? other : argument)))
      return npm(args)
    })
    expect(program).toBe(fetchedNode(root, '24.1.0'))
    expect(readdirSync(tools)).toEqual(['node-24.1.0'])
  })
})

describe('the entry script', () => {
  const start = (command: string, version: string) =>
    spawnSync(process.execPath, ['local/bootstrap.mjs', command], {
      env: { ...process.env, EDGE_SIGNER_NODE: version },
      encoding: 'utf8',
    })

  it('installs no Node for a server for the public', () => {
    const { status, stderr } = start('serve', '0.0.1')
    expect([status, stderr]).toEqual([1, expect.stringContaining('run npm run setup, which fetches Node')])
  })
})
