import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runDemo } from '../../../local/demo/run.ts'
import { startStage } from '../../../server/start.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'edge-signer-demo-test-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

it('runs in a folder of the user, over TLS, and leaves existing files', async () => {
  const content = join(directory, 'disks')
  const own = join(content, 'users/alice/notes.txt')
  mkdirSync(join(content, 'users/alice'), { recursive: true })
  writeFileSync(own, 'my own')
  const lines: string[] = []
  await runDemo(startStage, { content, tls: true, tusd: false }, (line) => lines.push(line))
  expect(lines.some((line) => line.startsWith('✓ running at https://localhost:'))).toBe(true)
  expect(lines).toContain('✓ without cookies: 403')
  expect(lines.slice(-3)).toEqual([
    '✓ stopped, nothing left running',
    '',
    expect.stringMatching(/^Next: npm start, then open http:\/\/localhost:8080\/_edge\/files\/ /),
  ])
  expect(readFileSync(own, 'utf8')).toBe('my own')
  expect(existsSync(join(content, 'users/alice/uploads/from the demo.bin'))).toBe(true)
})

it('works in gate mode', async () => {
  const lines: string[] = []
  await runDemo(startStage, { enforcement: 'gate', tusd: false }, (line) => lines.push(line))
  expect(lines).toEqual(expect.arrayContaining(['✓ without cookies: 401', '✓ signed out: 401 again']))
})
