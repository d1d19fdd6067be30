import { type DoctorFinding, repairOf } from '../../../cli/doctor/check.ts'
import { checkKeyLeftovers, checkKeys } from '../../../cli/doctor/deployed-checks.ts'
import { checkRevocations } from '../../../cli/doctor/revocation-checks.ts'
import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { restore } from '../../../shared/revocation/revoke.ts'
import { parseRevocationState, revocationStateKey } from '../../../shared/revocation/state.ts'
import { hold } from './invariants.ts'
import { order } from './rare-scenarios.ts'
import { all, deployUntilDone, removeUntilDone, type Scenario } from './scenarios.ts'
import type { Stage } from './stage.ts'

const alice = parseResourcePrefix('/users/alice/')
const bob = parseResourcePrefix('/users/bob/')
const hour = 3_600_000

/** Plots in which as many parties as can be meet each other. */
export const crowdScenarios: Readonly<Record<string, Scenario>> = {
  async 'everything at once, with the repair of an operator'(stage, plan) {
    await stage.deploy()
    await stage.rotate()
    await stage.simulation.sleep(stage.random.int(28) * hour)
    if (stage.random.chance(0.3)) stage.withdraw(stage.random.pick(groupKeys(stage)))
    plan()
    await all(stage, [
      () => stage.rotate(),
      () => repair(stage),
      () => stage.daily(),
      () => stage.deploy(stage.random.chance(0.3) ? { Algorithm: 'RS256' } : {}, { later: stage.random.chance(0.3) }),
      () => order(stage, alice),
      () => repair(stage),
    ])
    await stage.deploy()
  },

  async 'removal beside a rotation, the daily rule and a repair, then another creation'(stage, plan) {
    await stage.deploy()
    plan()
    await all(stage, [
      () => removeUntilDone(stage),
      () => stage.rotate(),
      () => stage.daily(),
      () => repair(stage),
      () => undo(stage, bob),
    ])
    await deployUntilDone(stage)
    await stage.rotate()
  },

  async 'requests of CloudFormation come twice, and an earlier one late'(stage, plan) {
    plan()
    const create = async () => {
      while (stage.stack === undefined) await stage.simulation.sleep(10)
      await stage.deliverAgain('Create')
    }
    await all(stage, [() => stage.deploy(), create])
    await deployUntilDone(stage)
    const before = stage.stack
    await stage.deploy({ Algorithm: 'RS256' })
    await all(stage, [() => stage.deploy(), () => stage.deliverAgain('Update', before)])
    const gone = stage.stack
    const removeAgain = async () => {
      while (stage.invariants.facts.isLive) await stage.simulation.sleep(10)
      await stage.deliverAgain('Delete', gone)
    }
    await all(stage, [() => removeUntilDone(stage), removeAgain])
    await stage.simulation.sleep(150_000)
    await deployUntilDone(stage)
    await all(stage, [() => stage.deploy(), () => stage.deliverAgain('Delete', gone), () => stage.rotate()])
  },

  async 'a creation that fails later, beside a rotation, a repair and a second run of itself'(stage, plan) {
    plan()
    const again = async () => {
      while (stage.stack === undefined) await stage.simulation.sleep(10)
      const { stack } = stage
      // Lambda repeats what it does not know to be done, also for a stack that is gone by then.
      await stage.simulation.sleep(stage.random.int(3) * 5000)
      await stage.deliverAgain('Create', stack)
    }
    await all(stage, [
      () => stage.deploy({}, { later: true }),
      again,
      () => stage.rotate(),
      () => stage.daily(),
      () => repair(stage),
    ])
  },

  async 'the state object is lost while others write it'(stage, plan) {
    await stage.deploy()
    await order(stage, alice)
    // The list of the KeyValueStore is all that is left; it shows what was written by then.
    await stage.simulation.sleep(15_000)
    const { revoked } = stage.invariants.facts
    revoked.clear()
    stage.simulation.tell('operator: loses the state object')
    stage.aws.buckets.all.get('bucket')?.delete(revocationStateKey)
    plan()
    await all(stage, [() => order(stage, bob), () => stage.daily(), () => stage.deploy(), () => repair(stage)])
    const expected = [alice, ...revoked]
    stage.endMishaps()
    hold((await stage.deploy()) === 'deployed', 'I5', 'a lost state object stops a deploy')
    for (const prefix of expected) revoked.add(prefix)
    stage.invariants.check(stage.simulation.now)
  },

  async 'more revocations than one write holds, cut off between two'(stage, plan) {
    await stage.deploy()
    const bucket = stage.aws.buckets.all.get('bucket')
    const expires = Math.floor(stage.simulation.now / 1000) + 80_000
    const prefixes = Array.from({ length: 120 }, (_, at) => parseResourcePrefix(`/users/user-${at}/`))
    const revocations = prefixes.map((prefix) => ({ prefix, before: expires - 80_000, expires }))
    stage.simulation.tell('operator: restores a state object with 120 revocations')
    bucket?.set(revocationStateKey, { text: JSON.stringify({ revocations }), etag: '"restored"' })
    plan()
    await all(stage, [() => stage.daily(), () => order(stage, alice), () => undo(stage, prefixes[60] ?? alice)])
    stage.endMishaps()
    const daily = await stage.daily()
    hold(daily !== 'crashed' && 'value' in daily, 'I5', 'the daily rule cannot write 120 revocations')
    const state = parseRevocationState(bucket?.get(revocationStateKey)?.text ?? '')
    hold(state.revocations.length >= 119, 'I5', 'revocations are lost from the state')
    for (const { prefix } of state.revocations) stage.invariants.facts.revoked.add(prefix)
    stage.invariants.check(stage.simulation.now)
  },
}

/** `edge-signer repair --yes`, as far as it concerns keys and revocations. */
async function repair(stage: Stage): Promise<void> {
  await stage.simulation.spawn('repair', async (actor) => {
    // The command takes the time of AWS's answer for revocations, and the terminal's for keys.
    const ring = { ...stage.ring(actor), now: Math.floor(actor.clock.nowMs() / 1000) }
    const stores = { stores: stage.revocations(actor), now: Math.floor(stage.simulation.now / 1000) }
    const checks: (() => Promise<DoctorFinding>)[] = [
      () => checkKeys(ring),
      () => checkKeyLeftovers(ring),
      () => checkRevocations(stores),
    ]
    for (const check of checks) {
      const repair = await check().then(repairOf, () => undefined)
      await repair?.run().catch((error: Error) => actor.report(error.message))
    }
  })
}

/** Somebody takes a revocation back. */
async function undo(stage: Stage, prefix: typeof alice): Promise<void> {
  stage.invariants.facts.revoked.delete(prefix)
  await stage.simulation.spawn(`undo:${prefix}`, async (actor) => {
    await restore({ prefix }, stage.revocations(actor), Math.floor(actor.clock.nowMs() / 1000))
  })
}

function groupKeys(stage: Stage): readonly string[] {
  return stage.aws.cloudFront.groupNamed(stage.groupName)?.items ?? ['']
}
