import { describe, expect, it } from 'vitest'
import { openAwsStores } from '../../../../functions/provision/aws-stores.ts'
import { createProvisionHandler } from '../../../../functions/provision/create-handler.ts'
import { editKeyGroup, type KeyRing } from '../../../../shared/keys/key-ring.ts'
import { draftLabel, lateSeconds, ownerTag, released } from '../../../../shared/keys/key-secret.ts'
import { readKeyStatus } from '../../../../shared/keys/key-status.ts'
import { keyTimes, retirementAge, waitingTime } from '../../../../shared/keys/key-times.ts'
import { maintainKeys } from '../../../../shared/keys/maintain-keys.ts'
import { makeKeyPair, publicKeyPem } from '../../../../shared/keys/make-key-pair.ts'
import { rotateStep } from '../../../../shared/keys/rotation/rotate-step.ts'
import { revocationStateKey } from '../../../../shared/revocation/state.ts'
import { AwsFault } from '../../../torture/lifecycle/aws/fault.ts'
import { type Command, clientsOf, MemoryAws } from '../../../torture/lifecycle/aws/memory-aws.ts'

const mark = 'svc/dev/keys'
const stack = 'arn:aws:cloudformation:us-east-1:000000000000:stack/svc-dev/1'
const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const

/** A stage in an AWS in memory, whose lists lag and whose calls fail as a test says. */
function openStage() {
  const state = { now: 1_800_000_000_000, lagMs: 0, isWaiting: 0 }
  const aws = new MemoryAws({ lagMs: () => state.lagMs, conflict: () => 'InvalidIfMatchVersion' })
  aws.buckets.all.set('bucket', new Map())
  /** Sees each command first; an error that it throws is AWS's answer. */
  const before = { call: (_command: Command, _name: string) => {} }
  /** Called when a command was carried out. */
  const after = { call: (_name: string) => {} }
  const clients = clientsOf(async (command) => {
    const name = command.constructor.name.replace('Command', '')
    before.call(command, name)
    state.now += 100
    const answer = aws.execute(command, state.now)
    after.call(name)
    return answer
  })
  const wait = async (ms: number) => {
    state.now += Math.max(ms, 1)
    state.isWaiting += 1
  }
  const clock = { nowMs: () => state.now, random: () => 0.5, wait }
  const lines: string[] = []
  const report = (line: string) => void lines.push(line)
  const { secret, trusted } = openAwsStores(mark, clients)
  const ring = (): KeyRing => ({
    ...{ name: 'svc-dev', secret, trusted, algorithm: 'ES256', times: keyTimes, clock, report },
    now: Math.floor(state.now / 1000),
  })
  const pages = [{ key: '_edge/pages/403.html', contentType: 'text/html', text: '' }]
  let deployments = 0

  async function cloudFormation(RequestType: 'Create' | 'Update' | 'Delete', options: Options = {}) {
    deployments += 1
    const properties = (Deployment: string, more: object = {}) => ({
      ...{ ServiceToken: 't', Algorithm: 'ES256', SessionSecret: 'shared', KeyValueStoreArn: 'arn', Deployment },
      ...{ BucketName: 'bucket', BucketRegion: 'us-east-1', ...more },
    })
    const names = [state.now + deployments, state.now + deployments + 1].map(
      (at) => `${at}-${new Date(at).toISOString()}`,
    )
    const [older = '', newer = ''] = names
    const event = {
      ...{ RequestType, StackId: options.stack ?? stack, RequestId: 'r', LogicalResourceId: 'SigningKeys' },
      ResponseURL: 'https://answer',
      ResourceProperties: properties(options.isRollback ? older : newer, options.properties),
      ...(RequestType === 'Update' && { OldResourceProperties: properties(options.isRollback ? newer : older) }),
    }
    const answers: { Status: string; Reason?: string; Data?: Record<string, string> }[] = []
    const send = async (_url: unknown, init?: { body?: unknown }) => {
      answers.push(JSON.parse(String(init?.body)))
      return new Response()
    }
    const world = {
      openStores: () => openAwsStores(mark, clients),
      ...{ fetch: send as typeof fetch, clock, startTimer: () => () => {}, report },
    }
    const handler = createProvisionHandler({ name: 'svc-dev', bucketOwner: 'svc/dev', secretId: mark, pages }, world)
    const end = state.now + 120_000
    await handler(event, { logStreamName: 'log', getRemainingTimeInMillis: () => end - state.now })
    return answers[0] ?? { Status: 'none' }
  }

  return {
    aws,
    state,
    before,
    after,
    lines,
    ring,
    cloudFormation,
    step: (step: (typeof steps)[number], token = 'v2') => rotateStep(step, token, ring()),
    async rotate(token: string) {
      for (const step of steps) await rotateStep(step, token, ring())
    },
    group: () => aws.cloudFront.groupNamed('svc-dev-keys')?.items ?? [],
    keys: () => [...aws.cloudFront.keys.values()].filter(({ comment }) => comment === mark).map(({ id }) => id),
    labels: () =>
      [...(aws.secrets.all.get(mark)?.versions ?? [])].map(([id, { labels }]) => [id, [...labels]] as const),
    document(): { keys: { keyPairId: string; notBefore: number }[]; sessionSecret?: string; stampKey: string } {
      const versions = [...(aws.secrets.all.get(mark)?.versions.values() ?? [])]
      return JSON.parse(versions.find(({ labels }) => labels.has('AWSCURRENT'))?.text ?? '{"keys":[]}')
    },
    setGroup(items: readonly string[]) {
      const group = aws.cloudFront.groupNamed('svc-dev-keys')
      const KeyGroupConfig = { Name: group?.name, Comment: group?.comment, Items: items }
      const input = { Id: group?.id, IfMatch: group?.etag, KeyGroupConfig }
      aws.cloudFront.operations.UpdateKeyGroupCommand?.(input, state.now)
    },
    later: (seconds: number) => {
      state.now += seconds * 1000
    },
  }
}

interface Options {
  readonly stack?: string
  readonly isRollback?: boolean
  readonly properties?: object
}

async function deployed() {
  const stage = openStage()
  expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
  return stage
}

const idsOf = ({ keys }: { keys: readonly { keyPairId: string }[] }) => keys.map(({ keyPairId }) => keyPairId)

/** Fails the calls of this name, from now on, as long as `times` last. */
function fail(stage: ReturnType<typeof openStage>, name: string, fault: string, times = Number.POSITIVE_INFINITY) {
  let left = times
  stage.before.call = (_command, called) => {
    if (called === name && left-- > 0) throw new AwsFault(fault)
  }
}

describe('a rotation', () => {
  it('adds its key, waits, and makes it current; the daily rule retires the old one', async () => {
    const stage = await deployed()
    const [first = ''] = stage.group()
    await stage.rotate('v2')
    const { keys } = stage.document()
    expect(keys).toHaveLength(2)
    expect(stage.group()).toEqual(idsOf({ keys }))
    expect(keys[1]?.notBefore).toBeGreaterThanOrEqual(Math.floor(stage.state.now / 1000) + waitingTime(keyTimes) - 60)
    expect((await readKeyStatus(stage.ring())).keys.map(({ role }) => role)).toEqual(['signing', 'waiting'])
    stage.later(waitingTime(keyTimes) + retirementAge(keyTimes))
    await maintainKeys(stage.ring())
    expect(idsOf(stage.document())).not.toContain(first)
    expect(stage.group()).toEqual(idsOf(stage.document()))
    expect(stage.keys()).toEqual(stage.group())
  })

  it('adds no key but its own', async () => {
    const stage = await deployed()
    await stage.rotate('v2')
    stage.later(waitingTime(keyTimes))
    const [leaked = '', second = ''] = stage.group()
    await stage.step('createSecret', 'v3')
    stage.setGroup([second])
    expect(await stage.cloudFormation('Update')).toMatchObject({ Status: 'SUCCESS' })
    await expect(stage.step('setSecret', 'v3')).rejects.toMatchObject({ code: 'ERR_KEYS_ROTATION' })
    expect(stage.group()).not.toContain(leaked)
    await stage.rotate('v4')
    expect(stage.group()).not.toContain(leaked)
    expect(idsOf(stage.document())).not.toContain(leaked)
  })

  it('gives up rather than undo a change of the document that names no other keys', async () => {
    const stage = await deployed()
    await stage.rotate('v2')
    const [first = '', waiting = ''] = stage.group()
    for (const step of steps.slice(0, 3)) await stage.step(step, 'v3')
    stage.setGroup(stage.group().filter((id) => id !== first))
    // The key that waits is brought forward: the pending document still has it wait.
    await stage.cloudFormation('Update')
    await expect(stage.step('finishSecret', 'v3')).rejects.toThrow('the key document was changed since it began')
    const now = Math.floor(stage.state.now / 1000)
    expect(stage.document().keys.find(({ keyPairId }) => keyPairId === waiting)?.notBefore).toBeLessThan(now)
  })

  it('a key that was taken out during its rotation stays out', async () => {
    const stage = await deployed()
    const before = stage.group()
    await stage.step('createSecret')
    await stage.step('setSecret')
    stage.setGroup(before)
    await expect(stage.step('setSecret')).rejects.toThrow('was taken out of the key group')
    expect(stage.group()).toEqual(before)
  })

  it('a late step of a rotation that has ended does not bring its key back', async () => {
    const stage = await deployed()
    for (const step of steps.slice(0, 3)) await stage.step(step)
    stage.before.call = ({ input }, name) => {
      const { VersionStage, MoveToVersionId } = input as Record<string, unknown>
      if (name === 'UpdateSecretVersionStage' && VersionStage === 'AWSPENDING' && MoveToVersionId === undefined) {
        throw new AwsFault('ThrottlingException')
      }
    }
    await stage.step('finishSecret')
    const [first = '', second = ''] = stage.group()
    stage.setGroup([first])
    // The public key is still there, so that nothing but the label keeps the late step from adding it.
    fail(stage, 'DeletePublicKey', 'ThrottlingException')
    await maintainKeys(stage.ring()).catch(() => undefined)
    stage.before.call = () => {}
    await stage.step('setSecret').catch(() => undefined)
    expect(stage.group()).not.toContain(second)
  })

  it('that lay between its steps waits until its key is known everywhere', async () => {
    const stage = await deployed()
    await stage.step('createSecret')
    stage.later(waitingTime(keyTimes) - 60)
    await stage.step('setSecret')
    for (const step of ['testSecret', 'finishSecret'] as const) {
      await expect(stage.step(step)).rejects.toThrow('is not known everywhere yet')
    }
    expect(stage.document().keys).toHaveLength(1)
    stage.later(keyTimes.propagation + keyTimes.clockSkew)
    await stage.step('finishSecret')
    expect(stage.document().keys).toHaveLength(2)
  })

  it('that began more than a day ago is given up by its own steps, too', async () => {
    const stage = await deployed()
    for (const step of steps.slice(0, 3)) await stage.step(step)
    stage.later(86_400 + 60)
    await expect(stage.step('finishSecret')).rejects.toThrow('began more than a day ago')
    expect(stage.document().keys).toHaveLength(1)
  })

  it('is made again after an answer of CloudFront was lost, and leaves no public key', async () => {
    const stage = await deployed()
    stage.state.lagMs = 3000
    let isLost = false
    stage.after.call = (name) => {
      if (name !== 'CreatePublicKey' || isLost) return
      isLost = true
      throw new AwsFault('TimeoutError')
    }
    await expect(stage.step('createSecret')).rejects.toThrow('TimeoutError')
    await stage.rotate('v2')
    stage.later(7200)
    await maintainKeys(stage.ring())
    expect(stage.keys()).toEqual(stage.group())
  })
})

describe('the daily rule', () => {
  it('drops what was withdrawn, and lets the key that waits sign at once', async () => {
    const stage = await deployed()
    await stage.rotate('v2')
    const [first = '', second = ''] = stage.group()
    stage.setGroup([second])
    const { faults } = await readKeyStatus(stage.ring())
    expect(faults.join()).toContain(`key ${first} is not in svc-dev-keys`)
    expect(faults.join()).toContain(`${second} signs at once`)
    await maintainKeys(stage.ring())
    expect(idsOf(stage.document())).toEqual([second])
    expect(stage.document().keys[0]?.notBefore).toBeLessThan(stage.state.now / 1000)
    expect(stage.keys()).toEqual([second])
  })

  it('drops no key that CloudFront does not list yet', async () => {
    const stage = await deployed()
    stage.later(60)
    await stage.rotate('v2')
    stage.state.lagMs = 10_000
    await maintainKeys(stage.ring())
    expect(stage.document().keys).toHaveLength(2)
  })

  it('makes room for a new key before it makes one', async () => {
    const stage = await deployed()
    const { cloudFront } = stage.aws
    for (let i = 0; i < 4; i++) cloudFront.addKey(`left-${i}`, mark, publicKeyPem(makeKeyPair('ES256').publicKey), 0)
    cloudFront.maxPublicKeys = cloudFront.keys.size
    await maintainKeys({ ...stage.ring(), algorithm: 'RS256' })
    expect(stage.keys()).toHaveLength(2)
  })

  it('a key that waits leaves the group only after no document names it', async () => {
    const stage = await deployed()
    await maintainKeys({ ...stage.ring(), algorithm: 'RS256' })
    const [, waiting = ''] = stage.group()
    fail(stage, 'PutSecretValue', 'ThrottlingException', 1)
    await expect(maintainKeys({ ...stage.ring(), algorithm: 'RS1' })).rejects.toThrow('Throttling')
    expect(idsOf(stage.document())).toContain(waiting)
    expect(stage.group()).toEqual(idsOf(stage.document()))
    await maintainKeys({ ...stage.ring(), algorithm: 'RS1' })
    expect(stage.group()).not.toContain(waiting)
    expect(stage.group()).toEqual(idsOf(stage.document()))
  })

  it('a draft that was cut off loses its label', async () => {
    const stage = await deployed()
    stage.aws.secrets.operations.PutSecretValueCommand?.(
      { SecretId: mark, SecretString: 'draft', VersionStages: [draftLabel] },
      stage.state.now,
    )
    await maintainKeys(stage.ring())
    expect(stage.labels().flatMap(([, labels]) => labels)).toEqual(['AWSCURRENT'])
  })

  it('a failed label removal undoes no finished change', async () => {
    const stage = await deployed()
    stage.before.call = ({ input }) => {
      const { VersionStage } = input as Record<string, unknown>
      if (VersionStage === draftLabel) throw new AwsFault('ThrottlingException')
    }
    await maintainKeys({ ...stage.ring(), algorithm: 'RS256' })
    expect(stage.document().keys).toHaveLength(2)
    expect(stage.group()).toEqual(idsOf(stage.document()))
    expect(stage.keys()).toEqual(stage.group())
  })

  it('keeps a new key where nobody can say whether the document names it', async () => {
    const stage = await deployed()
    let isMoved = false
    stage.before.call = (_command, name) => {
      if (isMoved && name === 'DescribeSecret') throw new AwsFault('ThrottlingException')
    }
    stage.after.call = (name) => {
      if (name !== 'UpdateSecretVersionStage') return
      isMoved = true
      throw new AwsFault('TimeoutError')
    }
    await expect(maintainKeys({ ...stage.ring(), algorithm: 'RS256' })).rejects.toThrow()
    expect(stage.group()).toEqual(idsOf(stage.document()))
  })
})

describe('the key group', () => {
  it('is changed by two at once without losing either, whatever CloudFront calls the conflict', async () => {
    const stage = await deployed()
    const [first = ''] = stage.group()
    const add = (name: string) => stage.aws.cloudFront.addKey(name, 'theirs', 'pem', 0)
    const [a, b] = [add('a'), add('b')]
    stage.before.call = (_command, name) => {
      if (name !== 'UpdateKeyGroup') return
      stage.before.call = () => {}
      stage.setGroup([...stage.group(), a])
    }
    await editKeyGroup(stage.ring(), (ids) => [...ids, b])
    expect(stage.group()).toEqual([first, a, b])
  })

  it('ends with an error where others keep changing it', async () => {
    const stage = await deployed()
    fail(stage, 'UpdateKeyGroup', 'PreconditionFailed')
    const extra = stage.aws.cloudFront.addKey('a', 'theirs', 'pem', 0)
    await expect(editKeyGroup(stage.ring(), (ids) => [...ids, extra])).rejects.toMatchObject({
      code: 'ERR_KEYS_ROTATION',
    })
    expect(stage.state.isWaiting).toBeGreaterThan(3)
  })
})

describe('a deploy', () => {
  it('a key joins the group before a document names it', async () => {
    const stage = openStage()
    stage.after.call = () => {
      for (const id of idsOf(stage.document())) expect(stage.group()).toContain(id)
    }
    expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
  })

  it('goes on where another run overtook it', async () => {
    const stage = await deployed()
    let isOvertaken = false
    stage.before.call = ({ input }, name) => {
      const { VersionStage } = input as Record<string, unknown>
      if (isOvertaken || name !== 'UpdateSecretVersionStage' || VersionStage !== 'AWSCURRENT') return
      isOvertaken = true
      const SecretString = JSON.stringify({
        ...stage.document(),
        sessionSecret: 'the-new-secret-of-the-app-1234567890',
      })
      stage.aws.secrets.operations.PutSecretValueCommand?.({ SecretId: mark, SecretString }, stage.state.now)
    }
    const answer = await stage.cloudFormation('Update', { properties: { Algorithm: 'RS256' } })
    expect(answer).toMatchObject({ Status: 'SUCCESS' })
    expect(stage.document().sessionSecret).toBe('the-new-secret-of-the-app-1234567890')
    expect(stage.document().keys).toHaveLength(2)
    expect(stage.keys()).toEqual(stage.group())
  })

  it('takes nothing back while it waits for the permissions of a new role', async () => {
    const stage = openStage()
    fail(stage, 'PutObject', 'AccessDenied', 3)
    const deleted: string[] = []
    stage.after.call = (name) => void (name.startsWith('Delete') && deleted.push(name))
    expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
    expect(deleted).toEqual([])
  })

  it('ends where a permission is missing for good', async () => {
    const stage = openStage()
    fail(stage, 'PutObject', 'AccessDenied')
    const began = stage.state.now
    expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'FAILED' })
    expect(stage.state.now - began).toBeLessThan(60_000)
    expect(stage.keys()).toEqual([])
  })

  it('replaces no group that CloudFront does not list yet', async () => {
    const stage = await deployed()
    const before = stage.document()
    stage.state.lagMs = 5000
    expect(await stage.cloudFormation('Update')).toMatchObject({ Status: 'SUCCESS' })
    expect(stage.document()).toEqual(before)
  })

  it('a secret that was restored and not tagged is adopted', async () => {
    const stage = await deployed()
    const { stampKey } = stage.document()
    await stage.cloudFormation('Delete')
    stage.aws.secrets.operations.RestoreSecretCommand?.({ SecretId: mark }, stage.state.now)
    expect(stage.aws.secrets.all.get(mark)?.owner.get(ownerTag)).toBe(released)
    expect(await stage.cloudFormation('Create', { stack: 'the-next-stack' })).toMatchObject({ Status: 'SUCCESS' })
    expect(stage.aws.secrets.all.get(mark)?.owner.get(ownerTag)).toBe('the-next-stack')
    expect(stage.document().stampKey).toBe(stampKey)
  })

  it('a creation that is delivered after its stack was removed restores nothing', async () => {
    const stage = await deployed()
    await stage.cloudFormation('Delete')
    const late = await stage.cloudFormation('Create')
    expect(late).toMatchObject({ Status: 'FAILED' })
    expect(late.Reason).toContain('this request came after its removal')
    expect(stage.aws.secrets.all.get(mark)?.deletedAt).toBeDefined()
    expect(await stage.cloudFormation('Create', { stack: 'the-next-stack' })).toMatchObject({ Status: 'SUCCESS' })
  })

  it('a stack whose keys were removed may create them again later', async () => {
    const stage = await deployed()
    await stage.cloudFormation('Delete')
    stage.state.now += (lateSeconds + 60) * 1000
    expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
  })

  it('fills a restored secret that has no text', async () => {
    const stage = openStage()
    stage.aws.secrets.add(mark, undefined, [{ Key: ownerTag, Value: stack }], 0)
    const secret = stage.aws.secrets.all.get(mark)
    if (secret !== undefined) secret.deletedAt = 1
    expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
    expect(stage.group()).toEqual(idsOf(stage.document()))
  })

  it('waits for the name of a secret that was deleted for good', async () => {
    const stage = await deployed()
    const input = { SecretId: mark, ForceDeleteWithoutRecovery: true }
    stage.aws.secrets.operations.DeleteSecretCommand?.(input, stage.state.now)
    expect(await stage.cloudFormation('Update')).toMatchObject({ Status: 'SUCCESS' })
    expect(stage.group()).toEqual(expect.arrayContaining(idsOf(stage.document())))
  })

  it.each(['damaged document', 'foreign mark'] as const)(
    'a rollback succeeds with the keys as they are: %s',
    async (fault) => {
      const stage = await deployed()
      if (fault === 'foreign mark')
        stage.aws.buckets.all.get('bucket')?.set('_state/owner', { text: 'o/dev', etag: '"x"' })
      else stage.aws.secrets.operations.PutSecretValueCommand?.({ SecretId: mark, SecretString: '{' }, stage.state.now)
      const forward = await stage.cloudFormation('Update')
      expect(forward.Status).toBe('FAILED')
      // One call that fails for a moment must not fail the rollback.
      fail(stage, 'DescribeSecret', 'ThrottlingException', 1)
      const rollback = await stage.cloudFormation('Update', { isRollback: true })
      expect(rollback.Status).toBe('SUCCESS')
      expect(rollback.Data).toEqual({
        KeyGroupId: expect.any(String),
        PublicKeyIds: expect.stringMatching(/^\S+( \S+)*$/),
        SecretArn: expect.stringContaining(mark),
      })
      expect(rollback.Reason).toContain('still to be repaired: ERR_')
    },
  )
})

describe('a removal', () => {
  it('that is cut off is completed by the next', async () => {
    for (let cut = 1; ; cut++) {
      const stage = await deployed()
      let calls = 0
      stage.before.call = () => {
        calls += 1
        if (calls >= cut) throw new Error('cut off')
      }
      const answer = await stage.cloudFormation('Delete')
      stage.before.call = () => {}
      if (answer.Status === 'FAILED') expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
      expect(stage.keys()).toEqual([])
      expect(stage.aws.secrets.all.get(mark)?.deletedAt).toBeDefined()
      expect(await stage.cloudFormation('Create', { stack: 'next' })).toMatchObject({ Status: 'SUCCESS' })
      if (calls < cut) break
    }
  })

  it('leaves a revocation state that revokes something, or cannot be read', async () => {
    for (const text of ['', '{"revocations":[]}', 'damaged']) {
      const stage = await deployed()
      const bucket = stage.aws.buckets.all.get('bucket')
      const before = Math.floor(stage.state.now / 1000)
      const revocations = [{ prefix: '/users/alice/', before, expires: before + 3600 }]
      bucket?.set(revocationStateKey, { text: text || JSON.stringify({ revocations }), etag: '"state"' })
      expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
      expect(bucket?.has(revocationStateKey), text).toBe(text !== '{"revocations":[]}')
    }
  })

  it('by another stack of the same name leaves the keys of the one that has them', async () => {
    const stage = await deployed()
    const before = [stage.group(), stage.keys(), stage.document()]
    const answer = await stage.cloudFormation('Delete', { stack: `${stack}-of-another` })
    expect(answer).toMatchObject({ Status: 'SUCCESS', Reason: expect.stringContaining("is not this stack's") })
    expect([stage.group(), stage.keys(), stage.document()]).toEqual(before)
    expect(stage.aws.secrets.all.get(mark)?.deletedAt).toBeUndefined()
  })

  it('finds a key that is not listed yet by the document that names it', async () => {
    const stage = await deployed()
    await stage.rotate('v2')
    stage.state.lagMs = 3000
    expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
    expect(stage.keys()).toEqual([])
  })
})
