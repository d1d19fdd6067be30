/** The parts of `npm run torture`, small: docs/torture.md says what each does and how to run it large. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findPart } from '../support/part.ts'
import { missingParts } from '../support/parts.ts'
import { cryptography, setUpPythonTool } from '../support/python-tools.ts'
import { describeSummary, runDifferential } from '../torture/differential/run.ts'
import { modes } from '../torture/differential/stage.ts'
import { runFaults } from '../torture/faults/run.ts'
import { runLoad } from '../torture/load/run.ts'
import { runProperties } from '../torture/properties/run.ts'

const verifier = await findPart('the independent verifier', () => setUpPythonTool(cryptography, { log: () => {} }))
const missing = [...missingParts(), ...verifier.missing()]
const needs = missing.length === 0 ? '' : `: needs ${missing.join(', ')}`

// A loaded machine takes several times as long.
vi.setConfig({ testTimeout: 300_000 })

/** The lines of a part, for the message of a failure. */
function collector() {
  const lines: string[] = []
  return { log: (line: string) => void lines.push(line), text: () => `\n${lines.join('\n')}` }
}

const checksCertificates = process.env.NODE_TLS_REJECT_UNAUTHORIZED
beforeAll(() => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
})
afterAll(() => {
  if (checksCertificates === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  else process.env.NODE_TLS_REJECT_UNAUTHORIZED = checksCertificates
})

describe.skipIf(missing.length > 0)(`the differential test${needs}`, () => {
  it.each(modes)('%s accepts what an independent verifier accepts, and nothing else', async (mode) => {
    const summary = await runDifferential({ mode, cases: 1000, seed: 'test:all', log: () => {} })
    expect(summary.mismatches.length, describeSummary(summary, 'test:all')).toBe(0)
  })
})

describe('the properties', () => {
  it('hold for every input, and every parser is linear', async () => {
    const { log, text } = collector()
    expect(await runProperties({ runs: 50, seed: 1, log }), text()).toBe(true)
  })
})

describe.skipIf(missingParts().length > 0)('the faults', () => {
  // A few; `npm run torture -- faults` kills each process at three moments.
  it.each(['api, mid-publish', 'disk full, mid-upload', 'fails while', 'clock'])(
    '%s: every promise is kept',
    async (only) => {
      const { log, text } = collector()
      expect(await runFaults({ only, log }), text()).toBe(true)
    },
  )
})

describe.skipIf(missingParts().length > 0)('the load', () => {
  it('meets no unexpected status, no growing process and no open descriptor', async () => {
    const { log, text } = collector()
    expect(await runLoad({ seconds: 4, connections: 64, seed: '1', log }), text()).toBe(true)
  })
})
