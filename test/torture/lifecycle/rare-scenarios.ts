import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { revocationKey } from '../../../shared/revocation/key-value.ts'
import { revoke } from '../../../shared/revocation/revoke.ts'
import { hold } from './invariants.ts'
import { all, deployUntilDone, removeUntilDone, type Scenario } from './scenarios.ts'
import type { Stage } from './stage.ts'

const alice = parseResourcePrefix('/users/alice/')
const bob = parseResourcePrefix('/users/bob/')

/** Plots in which a stage meets what somebody else did to its account. */
export const rareScenarios: Readonly<Record<string, Scenario>> = {
  async 'a second stack of the same stage fails, and its rollback takes nothing along'(stage, plan) {
    await stage.deploy()
    const before = stage.invariants.currentKeys()
    plan()
    await stage.createSecondStack()
    const after = stage.invariants.currentKeys()
    hold(JSON.stringify(after) === JSON.stringify(before), 'I4', 'the second stack changed the keys of the first')
    hold(stage.aws.cloudFront.groupNamed(stage.groupName) !== undefined, 'I4', 'the second stack removed the group')
  },

  async 'revocations outlive a removal whose bucket stays'(stage, plan) {
    await stage.deploy()
    await order(stage, alice)
    plan()
    await removeUntilDone(stage)
    // The KeyValueStore goes with its stack, and the next stack makes another.
    stage.invariants.facts.revoked.clear()
    stage.aws.keyValues.replace()
    await deployUntilDone(stage)
    stage.endMishaps()
    hold((await stage.deploy()) === 'deployed', 'I4', 'the stage cannot be created again')
    hold(stage.aws.keyValues.entries.has(revocationKey(alice)), 'I5', `${alice} is open again after a removal`)
  },

  async 'another bucket while prefixes are revoked, and back'(stage, plan) {
    stage.aws.buckets.all.set('third', new Map())
    stage.aws.keyValues.lags = false
    await stage.deploy()
    await order(stage, alice)
    plan()
    await all(stage, [
      () => stage.deploy({ BucketName: 'third' }, { later: stage.random.chance(0.3) }),
      () => order(stage, bob),
    ])
    await all(stage, [() => stage.deploy({ BucketName: 'bucket' }), () => stage.daily()])
  },

  async 'a full group of foreign keys is joined by two runs'(stage, plan) {
    await stage.deploy()
    const { cloudFront } = stage.aws
    const group = cloudFront.groupNamed(stage.groupName)
    if (group === undefined) throw new Error('a deployed stage has a key group')
    cloudFront.trustedGroups.add(group.id)
    await removeUntilDone(stage)
    cloudFront.addKey('foreign-4', 'theirs', 'pem', 0)
    const foreign = [...cloudFront.keys.values()].filter(({ comment }) => comment !== stage.mark).map(({ id }) => id)
    stage.editGroup((ids) => [...ids, ...foreign])
    plan()
    await all(stage, [() => stage.deploy(), () => stage.deliverAgain('Update')])
    await deployUntilDone(stage)
    const items = cloudFront.groupNamed(stage.groupName)?.items ?? []
    hold(
      foreign.every((id) => items.includes(id)),
      'I1',
      'a key of somebody else was put out of the group',
    )
    stage.editGroup((ids) => ids.filter((id) => !foreign.includes(id)))
    cloudFront.trustedGroups.clear()
  },

  async 'the answer about a new key is lost, and an operator removes that key'(stage, plan) {
    await stage.deploy()
    plan()
    stage.loseAnswerTo('UpdateKeyGroupCommand')
    await all(stage, [
      () => stage.rotate(),
      async () => {
        await stage.simulation.sleep(stage.random.int(6000))
        const newest = stage.aws.cloudFront.groupNamed(stage.groupName)?.items.at(-1)
        if (newest !== undefined) stage.withdraw(newest)
      },
    ])
    await stage.rotate()
  },
}

/** Somebody revokes a prefix; where the answer is success, it is revoked from then on. */
export async function order(stage: Stage, prefix: typeof alice): Promise<void> {
  const ending = await stage.simulation.spawn(`revoke:${prefix}`, async (actor) => {
    await revoke({ prefix }, stage.revocations(actor), Math.floor(actor.clock.nowMs() / 1000))
  })
  if (ending !== 'crashed' && 'value' in ending) stage.invariants.facts.revoked.add(prefix)
}
