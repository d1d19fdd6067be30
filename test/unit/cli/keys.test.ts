import { readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { prepareState, writeKeyDocument, writeKeyGroup } from '../../../local/state/state-files.ts'
import { parseKeyDocument } from '../../../shared/keys/key-document.ts'
import { makeKeyPair, signingKey } from '../../../shared/keys/make-key-pair.ts'
import { makeFolder, now, run } from './command-line.ts'

const folder = makeFolder()
afterAll(() => folder.remove())
const state = folder.path('state')
const files = prepareState(state, 'ES256', now)
const document = parseKeyDocument(readFileSync(files.secret, 'utf8'))
const [key] = document.keys

it('shows the role of each key of the local stage, and no private key', async () => {
  const { status, out } = await run(['keys', 'status', '--state', state])
  expect(status).toBe(0)
  expect(out).toMatch(new RegExp(`^${key?.keyPairId} +ES256 +signing +2029-12-31T23:59:00Z +-$`, 'm'))
  expect(out).not.toMatch(/PRIVATE|[\w+/]{60,}/)
})

it('reports a key outside the key group as a fault, and exits with 1', async () => {
  const next = signingKey(makeKeyPair('ES256'), 'KNEXT', now + 600)
  writeKeyDocument(files, { ...document, keys: [...document.keys, next] })
  const { status, out } = await run(['keys', 'status', '--state', state, '--json'])
  expect(status).toBe(1)
  const report = JSON.parse(out)
  expect(report.keys.map(({ role }: { role: string }) => role)).toEqual(['signing', 'waiting'])
  expect(report.faults).toEqual([expect.stringContaining('KNEXT is not in the key group')])
  writeKeyGroup(files, {})
  expect(JSON.parse((await run(['keys', 'status', '--state', state, '--json'])).out).faults).toHaveLength(2)
})

it('does not rotate the local stage', async () => {
  const { status, err } = await run(['keys', 'rotate', '--state', state])
  expect(status).toBe(2)
  expect(err).toContain('--stage')
})
