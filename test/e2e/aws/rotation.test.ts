import { randomUUID } from 'node:crypto'
import { UpdateKeyGroupCommand } from '@aws-sdk/client-cloudfront'
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serializeKeyDocument } from '../../../shared/keys/key-document.ts'
import { readKeyStatus } from '../../../shared/keys/key-status.ts'
import { keyTimes, retirementAge, waitingTime } from '../../../shared/keys/key-times.ts'
import { type AwsEmulator, startAwsEmulator } from '../../support/aws-emulator.ts'
import { openStage, type Stage } from '../../support/aws-stage.ts'
import { judgeCookies } from '../../support/cookie-verdict.ts'

let aws: AwsEmulator
beforeAll(async () => {
  aws = await startAwsEmulator()
})
afterAll(() => aws.stop())

const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const
const day = 86_400

async function deployed(): Promise<Stage> {
  const stage = await openStage(aws)
  expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
  return stage
}

async function mintedVerdict(stage: Stage) {
  const minted = await stage.mint('alice')
  const now = Math.floor(Date.now() / 1000) + stage.clock.ahead
  return judgeCookies(aws, `${stage.name}-keys`, minted.cookies, now)
}

/** Checks the invariants after any interruption: the signing key is accepted, and document and group agree. */
async function expectSound(stage: Stage): Promise<void> {
  const { keys } = await stage.document()
  const group = await stage.groupIds()
  expect(keys.filter(({ keyPairId }) => !group.includes(keyPairId))).toEqual([])
  expect(await mintedVerdict(stage)).toBe('accepted')
}

async function setGroup(stage: Stage, keyPairIds: readonly string[]): Promise<void> {
  const group = await stage.stores.trusted.findKeyGroup(`${stage.name}-keys`)
  const config = { Name: group?.name, Comment: group?.comment, Items: [...keyPairIds] }
  await aws.cloudFront.send(
    new UpdateKeyGroupCommand({ Id: group?.id, IfMatch: group?.version, KeyGroupConfig: config }),
  )
}

describe('a rotation', () => {
  it.each(steps)('that is cut off after %s goes on, by the same version or by a new one', async (last) => {
    for (const resume of ['same', 'new'] as const) {
      const stage = await deployed()
      const version = randomUUID()
      for (const step of steps.slice(0, steps.indexOf(last) + 1)) await stage.step(step, version)
      await expectSound(stage)
      await stage.rotate(resume === 'same' ? version : randomUUID())
      await expectSound(stage)
      stage.clock.ahead += waitingTime(keyTimes) + 1
      await expectSound(stage)
      // Whatever was left behind is gone when it can be.
      stage.clock.ahead += retirementAge(keyTimes) + day
      await stage.daily()
      await expectSound(stage)
      const newest = (await stage.document()).keys.map(({ keyPairId }) => keyPairId)
      expect(newest).toHaveLength(1)
      expect(await stage.keyIds()).toEqual(newest)
      expect(await stage.groupIds()).toEqual(newest)
    }
  })

  it('may run each step twice, and all of them after the end', async () => {
    const stage = await deployed()
    const version = randomUUID()
    for (const step of steps) {
      await stage.step(step, version)
      await stage.step(step, version)
    }
    const before = [await stage.keyIds(), await stage.groupIds(), await stage.stores.secret.describe()]
    await stage.rotate(version)
    expect([await stage.keyIds(), await stage.groupIds(), await stage.stores.secret.describe()]).toEqual(before)
    expect(before[0]).toHaveLength(2)
  })

  it('and a concurrent one corrupt nothing, in any order of their steps', async () => {
    const order = fc.shuffledSubarray([0, 0, 0, 0, 1, 1, 1, 1], { minLength: 8 })
    await fc.assert(
      fc.asyncProperty(order, fc.boolean(), async (turns, together) => {
        const stage = await deployed()
        const versions = [randomUUID(), randomUUID()]
        const at = [0, 0]
        const outcomes: unknown[] = []
        const next = async (who: number) => {
          const step = steps[at[who] ?? 0] ?? 'finishSecret'
          at[who] = (at[who] ?? 0) + 1
          await stage.step(step, versions[who] ?? '').catch((error) => outcomes.push(error.code))
        }
        for (let i = 0; i < turns.length; i += 2) {
          const pair = [turns[i] ?? 0, turns[i + 1] ?? 0]
          // Two steps of one rotation never run at once; of two rotations they may.
          if (together && pair[0] !== pair[1]) await Promise.all(pair.map(next))
          else for (const who of pair) await next(who)
          await expectSound(stage)
        }
        for (const code of outcomes) expect(code).toBe('ERR_KEYS_ROTATION')
        stage.clock.ahead += waitingTime(keyTimes) + 1
        await expectSound(stage)
        await stage.rotate()
        stage.clock.ahead += retirementAge(keyTimes) + 2 * day
        await stage.daily()
        await expectSound(stage)
        expect(await stage.keyIds()).toEqual(await stage.groupIds())
      }),
      { numRuns: 12 },
    )
  }, 240_000)

  it('stops at five keys with a message, and goes on when one retired', async () => {
    const stage = await deployed()
    for (let i = 0; i < 4; i++) await stage.rotate()
    const before = await stage.keyIds()
    expect(before).toHaveLength(5)
    await expect(stage.rotate()).rejects.toMatchObject({
      code: 'ERR_KEYS_LIMIT',
      message: expect.stringContaining('CloudFront allows 5: keys are retired a day after their successor'),
    })
    expect(await stage.keyIds()).toEqual(before)
    expect(await mintedVerdict(stage)).toBe('accepted')
    // Rotations within one second make keys that start a second after each other.
    stage.clock.ahead += retirementAge(keyTimes) + waitingTime(keyTimes) + before.length
    await stage.daily()
    await stage.rotate()
    expect(await stage.groupIds()).toHaveLength(2)
  })

  it('gives up when its public key is deleted by hand, and the next one succeeds', async () => {
    const stage = await deployed()
    const version = randomUUID()
    const [first] = await stage.keyIds()
    await stage.step('createSecret', version)
    for (const id of await stage.keyIds()) if (id !== first) await stage.stores.trusted.deletePublicKey(id)
    await expect(stage.step('setSecret', version)).rejects.toMatchObject({
      code: 'ERR_KEYS_ROTATION',
      message: expect.stringMatching(/public key K\w+ does not exist any more. It was given up; start a new one/),
    })
    expect((await stage.stores.secret.describe())?.pending).toBeUndefined()
    await stage.rotate()
    await expectSound(stage)
  })

  it('gives up rather than lose what was written to the document since it began', async () => {
    const stage = await deployed()
    const version = randomUUID()
    for (const step of steps.slice(0, 3)) await stage.step(step, version)
    const edited = serializeKeyDocument({
      ...(await stage.document()),
      sessionSecret: 'the-new-secret-of-the-app-1234567890',
    })
    await aws.secrets.send(new PutSecretValueCommand({ SecretId: stage.secretId, SecretString: edited }))
    await expect(stage.step('finishSecret', version)).rejects.toMatchObject({
      code: 'ERR_KEYS_ROTATION',
      message: expect.stringContaining('was changed since it began'),
    })
    expect((await stage.document()).sessionSecret).toBe('the-new-secret-of-the-app-1234567890')
    await stage.rotate()
    await expectSound(stage)
  })

  it('that lay between its steps waits until the key is known everywhere', async () => {
    const stage = await deployed()
    const version = randomUUID()
    await stage.step('createSecret', version)
    // The same as coming back later: its time is over before its key is in the group.
    stage.clock.ahead -= waitingTime(keyTimes) + 60
    const early = randomUUID()
    await stage.step('createSecret', early)
    stage.clock.ahead = 0
    await stage.step('setSecret', early)
    await expect(stage.step('testSecret', early)).rejects.toMatchObject({
      code: 'ERR_KEYS_ROTATION',
      message: expect.stringMatching(/is not known everywhere yet: the rotation can go on at \d{4}-/),
    })
    await expect(stage.step('finishSecret', early)).rejects.toMatchObject({ code: 'ERR_KEYS_ROTATION' })
    await expectSound(stage)
    stage.clock.ahead = waitingTime(keyTimes)
    await stage.step('testSecret', early)
    await stage.step('finishSecret', early)
    await expectSound(stage)
  })

  it.each([-300, 300])('with our clock %i s off signs with nothing that is not known yet', async (skew) => {
    const stage = await openStage(aws)
    stage.clock.ahead = skew
    await stage.cloudFormation('Create')
    stage.clock.ahead = 0
    expect(await mintedVerdict(stage)).toBe('accepted')
    stage.clock.ahead = -skew
    expect(await mintedVerdict(stage)).toBe('accepted')
    stage.clock.ahead = skew
    await stage.rotate()
    const [, second] = (await stage.document()).keys
    const made = (await stage.stores.trusted.findKeyGroup(`${stage.name}-keys`))?.modifiedAt ?? 0
    // A signing function whose clock runs five minutes ahead still leaves CloudFront its time.
    expect((second?.notBefore ?? 0) - 300).toBeGreaterThanOrEqual(made + keyTimes.propagation - 300 - 5)
    expect(second?.notBefore).toBeGreaterThan((await stage.document()).keys[0]?.notBefore ?? 0)
  })

  it('passes the test run of Secrets Manager when a schedule is set', async () => {
    const stage = await deployed()
    const { current = '' } = (await stage.stores.secret.describe()) ?? {}
    await stage.step('testSecret', randomUUID())
    const trial = randomUUID()
    await stage.stores.secret.addPending(trial, (await stage.stores.secret.read(current))?.json ?? '')
    await stage.step('testSecret', trial)
    await stage.stores.secret.dropLabel('AWSPENDING', trial)
    await expectSound(stage)
  })

  it('reports what to do if AWS refuses', async () => {
    const stage = await deployed()
    await stage.removeBucket()
    await expect(stage.daily()).rejects.toThrow()
    expect(stage.lines.at(-1)).toMatch(/^NoSuchBucket: .*check bucket and bucketRegion of the stage$/)
  })

  it('touches no other secret', async () => {
    const stage = await deployed()
    const other = await deployed()
    const { arn = '' } = (await other.stores.secret.describe()) ?? {}
    const event = { Step: 'createSecret', SecretId: arn, ClientRequestToken: randomUUID() }
    await expect(stage.rotateKey(event)).rejects.toMatchObject({ code: 'ERR_CONFIG' })
    await expect(stage.rotateKey({})).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  })
})

describe('the status', () => {
  it('names the role of each key', async () => {
    const stage = await deployed()
    const roles = async () => (await readKeyStatus(stage.ring())).keys.map(({ role }) => role)
    expect(await roles()).toEqual(['signing'])
    const version = randomUUID()
    await stage.step('createSecret', version)
    expect((await readKeyStatus(stage.ring())).rotation).toBe(version)
    await stage.rotate(version)
    expect(await readKeyStatus(stage.ring())).toMatchObject({ rotation: undefined, faults: [] })
    expect(await roles()).toEqual(['signing', 'waiting'])
    stage.clock.ahead += waitingTime(keyTimes) + 1
    expect(await roles()).toEqual(['verifying', 'signing'])
    stage.clock.ahead += retirementAge(keyTimes)
    expect(await roles()).toEqual(['leaving', 'signing'])
  })

  it('says what is wrong and what to do', async () => {
    const stage = await deployed()
    const [first = ''] = await stage.groupIds()
    await stage.rotate()
    await setGroup(stage, [first])
    const { faults } = await readKeyStatus(stage.ring())
    expect(faults).toEqual([
      expect.stringMatching(/^key \w+ is not in .*-keys: the daily rule drops it; deploy to do so now$/),
    ])
  })
})

describe('the daily rule', () => {
  it('does nothing while a rotation is under way, and ends one that was abandoned', async () => {
    const stage = await deployed()
    const version = randomUUID()
    await stage.step('createSecret', version)
    await stage.daily()
    expect((await stage.stores.secret.describe())?.pending).toBe(version)
    expect(await stage.keyIds()).toHaveLength(2)
    stage.clock.ahead += day + 1
    await stage.daily()
    expect((await stage.stores.secret.describe())?.pending).toBeUndefined()
    expect(await stage.keyIds()).toHaveLength(1)
    await stage.rotate()
    await expectSound(stage)
  })

  it('makes a new key if the only one was removed by hand', async () => {
    const stage = await deployed()
    const [lost = ''] = await stage.keyIds()
    const foreign = await stage.stores.trusted.createPublicKey({
      name: `${stage.name}-x`,
      comment: 'mine',
      pem: await pemOf(stage),
    })
    await setGroup(stage, [foreign.id])
    await stage.stores.trusted.deletePublicKey(lost)
    await stage.daily()
    await expectSound(stage)
    expect((await stage.document()).keys.map(({ keyPairId }) => keyPairId)).not.toContain(lost)
    // A key that somebody else put into the group is theirs.
    expect(await stage.groupIds()).toContain(foreign.id)
    expect(stage.lines.join('\n')).toContain(`key ${lost}: is not in the key group or was deleted by hand`)
    expect(stage.lines.join('\n')).toContain(`${foreign.id} is not ours and was left in it`)
  })

  it('signs with the older key if the newest was taken out of the group', async () => {
    const stage = await deployed()
    const [first = ''] = await stage.groupIds()
    await stage.rotate()
    stage.clock.ahead += waitingTime(keyTimes) + 1
    await setGroup(stage, [first])
    await stage.daily()
    expect((await stage.document()).keys.map(({ keyPairId }) => keyPairId)).toEqual([first])
    await expectSound(stage)
    expect(await stage.keyIds()).toEqual([first])
  })

  it('lets the waiting key sign at once if the signing key was removed by hand', async () => {
    const stage = await deployed()
    const [leaked = ''] = await stage.groupIds()
    await stage.rotate()
    const waiting = (await stage.document()).keys.find(({ keyPairId }) => keyPairId !== leaked)
    const { keyPairId: id = '', notBefore = 0 } = waiting ?? {}
    await setGroup(stage, [id])
    const until = new Date(notBefore * 1000).toISOString()
    expect((await readKeyStatus(stage.ring())).faults).toContain(
      `no key can sign until ${until}: deploy now, and ${id} signs at once`,
    )
    expect(await stage.cloudFormation('Update')).toMatchObject({ Status: 'SUCCESS' })
    await expectSound(stage)
    expect(await stage.keyIds()).toEqual([id])
    expect(stage.lines).toContain(`key ${id}: signs at once, as no other key can`)
    expect((await readKeyStatus(stage.ring())).faults).toEqual([])
  })

  it('drops a key whose id was changed to that of another public key', async () => {
    const stage = await deployed()
    await stage.rotate()
    const document = await stage.document()
    const [older, newer] = document.keys
    if (older === undefined || newer === undefined) throw new Error('two keys')
    const swapped = [
      { ...older, keyPairId: newer.keyPairId },
      { ...newer, keyPairId: older.keyPairId },
    ]
    const text = serializeKeyDocument({ ...document, keys: swapped })
    await aws.secrets.send(new PutSecretValueCommand({ SecretId: stage.secretId, SecretString: text }))
    expect(await mintedVerdict(stage)).toBe('wrong signature')
    await stage.daily()
    await expectSound(stage)
  })

  it('retires no key for a successor that CloudFront does not accept', async () => {
    const stage = await deployed()
    const [first = ''] = await stage.groupIds()
    await stage.rotate()
    await setGroup(stage, [first])
    stage.clock.ahead += retirementAge(keyTimes) + waitingTime(keyTimes) + 1
    await stage.daily()
    expect(await stage.groupIds()).toContain(first)
    await expectSound(stage)
  })
})

async function pemOf(stage: Stage): Promise<string> {
  return (await stage.stores.trusted.listPublicKeys()).find(({ comment }) => comment === stage.secretId)?.pem ?? ''
}
