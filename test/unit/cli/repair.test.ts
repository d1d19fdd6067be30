import { describe, expect, it } from 'vitest'
import { type Check, repairable } from '../../../cli/doctor/check.ts'
import { checkUploads } from '../../../cli/doctor/deployed-checks.ts'
import { fail, pass } from '../../../cli/finding.ts'
import { repairAll } from '../../../cli/repair.ts'
import { now, run } from './command-line.ts'

/** A check with a fault that its repair fixes, unless the repair fails or has no effect. */
function broken(effect: 'helps' | 'fails' | 'does not help' = 'helps') {
  let isBroken = true
  let runs = 0
  const check: Check = {
    name: 'thing',
    run: async () =>
      isBroken
        ? repairable('it is broken', 'deploy again', {
            does: 'set it right',
            run: async () => {
              runs += 1
              if (effect === 'fails') throw new Error('away')
              isBroken = effect === 'does not help'
              return ['thing: set right']
            },
          })
        : pass('it is whole'),
  }
  return { check, runs: () => runs }
}
const whole: Check = { name: 'other', run: async () => pass('it is whole') }
const hopeless: Check = { name: 'hopeless', run: async () => fail('it is gone', 'restore it') }

async function repair(checks: readonly Check[], options: { yes?: boolean; json?: boolean } = {}) {
  let out = ''
  const terminal = {
    out: (text: string) => {
      out += text
    },
    err: () => undefined,
    stdin: async () => '',
    env: {},
    now: () => now,
  }
  const status = await repairAll(checks, { stage: 'prod', yes: false, json: false, ...options }, terminal)
  return { status, out }
}

describe('edge-signer repair', () => {
  it('changes nothing without --yes, shows the repairs, and exits with 1', async () => {
    const { check, runs } = broken()
    const { status, out } = await repair([check, whole])
    expect([status, runs()]).toEqual([1, 0])
    expect(out).toContain('OPEN  thing')
    expect(out).toContain('Would: set it right')
    expect(out).toContain('edge-signer repair --stage prod --yes')
  })

  it('repairs with --yes, lists the changes, and finds no fault the second time', async () => {
    const { check, runs } = broken()
    const first = await repair([check, whole], { yes: true })
    expect(first.status).toBe(0)
    expect(first.out).toContain('Changed: thing: set right')
    const second = await repair([check, whole], { yes: true })
    expect([second.status, runs()]).toEqual([0, 1])
    expect(second.out).toContain('Stage prod is well.')
  })

  it.each(['fails', 'does not help'] as const)(
    'exits with 1 if the repair %s, and continues with the other checks',
    async (effect) => {
      const { status, out } = await repair([broken(effect).check, broken().check, hopeless], { yes: true })
      expect(status).toBe(1)
      expect(out.match(/^(OPEN|done|well)/gm)).toEqual(['OPEN', 'done', 'OPEN'])
      expect(out).toContain('What to do: deploy again')
      expect(out).toContain('What to do: restore it')
    },
  )

  it('prints JSON with stable names', async () => {
    const shown = JSON.parse((await repair([broken().check, whole, hopeless], { json: true })).out)
    expect(shown).toEqual({
      stage: 'prod',
      well: false,
      dryRun: true,
      checks: [
        { check: 'thing', status: 'open', detail: 'it is broken', remedy: 'deploy again', does: 'set it right' },
        { check: 'other', status: 'well', detail: 'it is whole' },
        { check: 'hopeless', status: 'open', detail: 'it is gone', remedy: 'restore it' },
      ],
    })
    const done = JSON.parse((await repair([broken().check], { json: true, yes: true })).out)
    expect(done).toMatchObject({
      well: true,
      dryRun: false,
      checks: [{ status: 'repaired', changes: ['thing: set right'] }],
    })
  })

  it('refuses the local stage', async () => {
    expect((await run(['repair'])).status).toBe(2)
    expect((await run(['repair', '--stage', 'local'])).status).toBe(2)
  })
})

describe('doctor: uploads (I3)', () => {
  const page = (ages: number[], next?: string) => ({
    uploads: ages.map((age, i) => ({ id: `${i}`.padStart(22, '0'), arrivedAt: now - age })),
    next,
  })
  const look = (...pages: ReturnType<typeof page>[]) =>
    checkUploads(async (after) => pages[after === undefined ? 0 : Number(after)] ?? page([]), now, 's-prod-publish')

  it('finds uploads that neither event nor sweep published, on every page, and ignores recent ones', async () => {
    expect(await look(page([]))).toEqual({ status: 'pass', detail: 'none waits' })
    expect(await look(page([60, 7800]))).toMatchObject({ status: 'pass' })
    const found = await look(page([60], '1'), page([7801, 90_000]))
    expect(found).toMatchObject({ status: 'fail', detail: expect.stringMatching(/^2 arrived/) })
    expect(found).toMatchObject({ remedy: expect.stringContaining('s-prod-publish') })
  })
})
