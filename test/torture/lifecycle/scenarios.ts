import { parseResourcePrefix, type ResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { draftLabel, ownerTag } from '../../../shared/keys/key-secret.ts'
import { restore, revoke } from '../../../shared/revocation/revoke.ts'
import { hold } from './invariants.ts'
import { persistentFaults } from './persistent-faults.ts'
import type { Stage } from './stage.ts'

/** A plot: what people and AWS do with a stage. `plan` is called where mishaps may begin. */
export type Scenario = (stage: Stage, plan: () => void) => Promise<void>

const hour = 3_600_000
const day = 24 * hour

/** The plots, each with its name. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  async 'create, update without a change, remove'(stage, plan) {
    plan()
    await deployUntilDone(stage)
    await stage.deploy()
    await removeUntilDone(stage)
  },

  async 'creation that fails, by itself or later'(stage, plan) {
    plan()
    await stage.deploy({}, { later: true })
    hold((await stage.deploy({ BucketName: 'none' })) === 'rolled-back', 'I4', 'a missing bucket goes unnoticed')
  },

  async 'update to another algorithm that fails later'(stage, plan) {
    await stage.deploy()
    plan()
    await stage.deploy({ Algorithm: 'RS256' }, { later: true })
    await stage.deploy({ SessionSecret: 'none' })
  },

  async 'update to another algorithm, and back a day later'(stage, plan) {
    await stage.deploy()
    plan()
    await stage.deploy({ Algorithm: 'RS256' })
    await stage.simulation.sleep(27 * hour)
    await stage.daily()
    await stage.deploy({ Algorithm: 'ES256' })
  },

  async 'remove and create again'(stage, plan) {
    await stage.deploy()
    plan()
    await removeUntilDone(stage)
    await stage.simulation.sleep(stage.random.int(2) * 30_000)
    await deployUntilDone(stage)
  },

  async 'remove with a distribution that still trusts the group, again and again'(stage, plan) {
    await stage.deploy()
    const group = stage.aws.cloudFront.groupNamed(stage.groupName)
    if (group !== undefined) stage.aws.cloudFront.trustedGroups.add(group.id)
    plan()
    for (let i = 0; i < 3; i++) {
      await removeUntilDone(stage)
      await stage.deploy({}, { later: true })
      await deployUntilDone(stage)
    }
    stage.aws.cloudFront.trustedGroups.clear()
  },

  async 'secret without a text, or deleted for good'(stage, plan) {
    const tags = [{ Key: ownerTag, Value: 'arn:aws:cloudformation:us-east-1:000000000000:stack/svc-dev/1' }]
    stage.aws.secrets.add(stage.mark, undefined, tags, stage.simulation.now)
    if (stage.random.chance(0.5)) {
      const secret = stage.invariants.secret()
      if (secret !== undefined) secret.deletedAt = stage.simulation.now
    }
    plan()
    await deployUntilDone(stage)
    stage.simulation.tell('operator: deletes the secret for good')
    stage.invariants.facts.isBrokenByHand = true
    const { now } = stage.simulation
    const input = { SecretId: stage.mark, ForceDeleteWithoutRecovery: true }
    stage.aws.secrets.operations.DeleteSecretCommand?.(input, now)
    await deployUntilDone(stage)
  },

  async 'two rotations, one after the other'(stage, plan) {
    await stage.deploy()
    plan()
    await stage.rotate()
    await stage.simulation.sleep(stage.random.int(30) * hour)
    await stage.rotate()
    await stage.simulation.sleep(26 * hour)
    await stage.daily()
  },

  async 'rotation beside a deploy, the daily rule and another rotation'(stage, plan) {
    await stage.deploy()
    if (stage.random.chance(0.5)) await stage.rotate()
    plan()
    await all(stage, [
      () => stage.rotate(),
      () => stage.deploy(stage.random.chance(0.2) ? { Algorithm: 'RS256' } : {}),
      () => stage.daily(),
      () => (stage.random.chance(0.5) ? stage.rotate() : stage.daily()),
    ])
  },

  async 'keys that leak while they rotate'(stage, plan) {
    await stage.deploy()
    await stage.rotate()
    await stage.simulation.sleep(stage.random.int(2) * hour)
    plan()
    await all(stage, [
      () => stage.rotate(),
      async () => {
        for (let i = 0; i < 2; i++) {
          await stage.simulation.sleep(stage.random.int(4000))
          const group = stage.aws.cloudFront.groupNamed(stage.groupName)
          if (group !== undefined) stage.withdraw(stage.random.pick(group.items))
          await stage.deploy()
        }
      },
    ])
    // Events come twice and late.
    for (const step of ['setSecret', 'finishSecret', 'createSecret'] as const) {
      await stage.step(step, `rotation-${1 + stage.random.int(3)}`)
    }
  },

  async 'rotation that lies between its steps for up to two days'(stage, plan) {
    await stage.deploy()
    plan()
    const token = stage.newToken()
    for (const step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const) {
      await stage.step(step, token)
      await stage.simulation.sleep(stage.random.int(3) * stage.random.int(20) * hour)
      if (stage.random.chance(0.5)) await all(stage, [() => stage.deploy(), () => stage.step(step, token)])
      if (stage.random.chance(0.5)) await all(stage, [() => stage.daily(), () => stage.step(step, token)])
    }
  },

  async 'the same update delivered twice'(stage, plan) {
    plan()
    await deployUntilDone(stage)
    await all(stage, [() => stage.deploy({ SessionSecret: 'shared' }), () => stage.deliverAgain('Update')])
  },

  async 'persistent faults fail the update, and its rollback succeeds'(stage, plan) {
    await stage.deploy()
    const undoFault = stage.random.pick(persistentFaults)(stage)
    plan()
    const change = stage.random.chance(0.5) ? {} : { BucketName: 'other' }
    hold((await stage.deploy(change)) === 'rolled-back', 'I4', 'a persistent fault goes unnoticed')
    undoFault()
  },

  async 'revocations beside a deploy and the daily rule'(stage, plan) {
    await stage.deploy()
    plan()
    const { revoked } = stage.invariants.facts
    const [alice, bob] = ['/users/alice/', '/users/bob/'].map(parseResourcePrefix) as [ResourcePrefix, ResourcePrefix]
    const order = async (actorName: string, prefix: ResourcePrefix, work: typeof revoke | typeof restore) => {
      if (work === restore) revoked.delete(prefix)
      const ending = await stage.simulation.spawn(actorName, async (actor) => {
        await work({ prefix }, stage.revocations(actor), Math.floor(actor.clock.nowMs() / 1000))
      })
      if (work === revoke && ending !== 'crashed' && 'value' in ending) revoked.add(prefix)
    }
    await all(stage, [
      () => order('revoke:alice', alice, revoke),
      async () => {
        await order('revoke:bob', bob, revoke)
        await order('undo:bob', bob, restore)
      },
      () => stage.deploy(),
      () => stage.daily(),
    ])
  },
}

/** After every plot, without mishaps: what must hold however it went. */
export async function finale(stage: Stage): Promise<void> {
  stage.endMishaps()
  const { simulation, aws, invariants } = stage
  simulation.tell('finale')
  // Revocations expire when everything that they revoked has.
  invariants.facts.revoked.clear()
  await simulation.sleep(25 * hour)
  hold((await stage.deploy()) === 'deployed', 'I4', 'the stage takes no deploy any more')
  hold(invariants.signingKey(Math.floor(simulation.now / 1000)) !== undefined, 'I1', 'nothing signs after a deploy')
  for (let i = 0; i < 3; i++) {
    await simulation.sleep(day + 2 * hour)
    const daily = await stage.daily()
    hold(daily !== 'crashed' && 'value' in daily, 'I4', `the daily rule fails: ${JSON.stringify(daily)}`)
  }
  const ids = new Set(invariants.currentKeys()?.map(({ id }) => id))
  const group = aws.cloudFront.groupNamed(stage.groupName)
  const published = [...aws.cloudFront.keys.values()].filter(({ comment }) => comment === stage.mark)
  const foreign = new Set(
    [...aws.cloudFront.keys.values()].filter((key) => !published.includes(key)).map(({ id }) => id),
  )
  const items = group?.items.filter((id) => !foreign.has(id))
  hold(same(ids, items), 'I2', `the group holds ${items}, the document ${[...ids]}`)
  hold(
    same(
      ids,
      published.map(({ id }) => id),
    ),
    'I2',
    'public keys were left behind',
  )
  const labels = [...(invariants.secret()?.versions.values() ?? [])].flatMap((version) => [...version.labels])
  hold(!labels.includes(draftLabel), 'I2', 'a draft keeps a private key')
  invariants.checkAtRest()

  hold((await stage.remove()).Status === 'SUCCESS', 'I4', 'the stack cannot be removed')
  const left = [...aws.cloudFront.keys.values()].filter(({ comment }) => comment === stage.mark)
  hold(left.length === 0, 'I2', `public keys survive the stack: ${left.map(({ id }) => id)}`)
  hold(aws.cloudFront.groupNamed(stage.groupName) === undefined, 'I4', 'the key group survives the stack')
  hold((await stage.deploy()) === 'deployed', 'I4', 'the stage cannot be created again')
}

/** Deploys as people do: again where it failed. */
export async function deployUntilDone(stage: Stage): Promise<void> {
  for (let tries = 0; tries < 6; tries++) {
    if ((await stage.deploy()) === 'deployed') return
    await stage.simulation.sleep(60_000)
  }
}

/** Removes as people do: again where it failed. */
export async function removeUntilDone(stage: Stage): Promise<void> {
  for (let tries = 0; stage.isDeployed && tries < 6; tries++) {
    if ((await stage.remove()).Status !== 'SUCCESS') await stage.simulation.sleep(60_000)
  }
}

/** Plots beside each other, each beginning within three seconds. */
export async function all(stage: Stage, plots: readonly (() => Promise<unknown>)[]): Promise<void> {
  await Promise.all(
    plots.map(async (plot) => {
      await stage.simulation.sleep(stage.random.int(3000))
      await plot()
    }),
  )
}

function same(ids: ReadonlySet<string>, others: readonly string[] = []): boolean {
  return ids.size === others.length && others.every((id) => ids.has(id))
}
