import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { keyTimes, retirementAge, waitingTime } from '../../../shared/keys/key-times.ts'
import { revoke, syncRevocations } from '../../../shared/revocation/revoke.ts'
import { type AwsEmulator, startAwsEmulator } from '../../support/aws-emulator.ts'
import { algorithms, type Minted, openStage, type Stage } from '../../support/aws-stage.ts'
import { judgeCookies } from '../../support/cookie-verdict.ts'

let aws: AwsEmulator
beforeAll(async () => {
  aws = await startAwsEmulator()
})
afterAll(() => aws.stop())

function verdict(stage: Stage, { cookies }: Minted) {
  return judgeCookies(aws, `${stage.name}-keys`, cookies, Math.floor(Date.now() / 1000) + stage.clock.ahead)
}
const keyOf = ({ cookies }: Minted) => cookies.find(({ name }) => name === 'CloudFront-Key-Pair-Id')?.value

describe('the life of a stage', () => {
  it('provision, rotate twice, revoke, delete: no cookie is refused before its end', async () => {
    const stage = await openStage(aws)
    const created = await stage.cloudFormation('Create')
    expect(created).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: `${stage.name}-keys` })
    const group = await stage.stores.trusted.findKeyGroup(`${stage.name}-keys`)
    expect(created.Data?.KeyGroupId).toBe(group?.id)
    expect(created.Data?.PublicKeyIds?.split(' ')).toEqual(group?.keyPairIds)
    expect(created.Data?.SecretArn).toContain(`:secret:${stage.secretId}-`)

    const first = await stage.mint('alice')
    expect(first.status).toBe(200)
    expect(await verdict(stage, first)).toBe('accepted')

    // Step by step, as Secrets Manager runs it; between any two a viewer mints.
    const version = randomUUID()
    for (const name of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) {
      await stage.step(name, version)
      const during = await stage.mint('alice')
      expect(await verdict(stage, during), name).toBe('accepted')
      expect(keyOf(during), name).toBe(keyOf(first))
      expect(await verdict(stage, first), name).toBe('accepted')
    }
    stage.clock.ahead += waitingTime(keyTimes) + 1
    const second = await stage.mint('alice')
    expect(keyOf(second)).not.toBe(keyOf(first))
    expect(await verdict(stage, second)).toBe('accepted')
    expect(await verdict(stage, first)).toBe('accepted')

    await stage.rotate()
    stage.clock.ahead += waitingTime(keyTimes) + 1
    const third = await stage.mint('alice')
    expect(new Set([first, second, third].map(keyOf)).size).toBe(3)
    for (const minted of [first, second, third]) expect(await verdict(stage, minted)).toBe('accepted')

    // A day later the two old keys are in use no more.
    await stage.daily()
    expect(await stage.groupIds()).toHaveLength(3)
    stage.clock.ahead += retirementAge(keyTimes)
    await stage.daily()
    expect(await stage.groupIds()).toEqual([keyOf(third)])
    expect(await stage.keyIds()).toEqual([keyOf(third)])
    expect((await stage.document()).keys.map(({ keyPairId }) => keyPairId)).toEqual([keyOf(third)])
    expect(await verdict(stage, third)).toBe('expired')
    expect(await verdict(stage, first)).toBe('unknown key')

    const now = Math.floor(Date.now() / 1000) + stage.clock.ahead
    await revoke({ prefix: parseResourcePrefix('/users/alice/') }, stage.revocations, now)
    expect((await stage.mint('alice')).body).toContain('ERR_SESSION_REVOKED')
    expect((await stage.mint('bob')).status).toBe(200)
    const { entries } = await stage.revocations.keyValues.list()
    expect(JSON.parse(entries.get('revoked/users/alice/') ?? '')).toEqual({ before: now + 120 })
    expect(entries.get('stampKey')).toBe((await stage.document()).stampKey)
    // A session that is issued after the revocation is good again.
    stage.clock.ahead += 130
    expect((await stage.mint('alice')).status).toBe(200)
    await syncRevocations(stage.revocations, { now: now + keyTimes.maxTtl + 600 })
    expect([...(await stage.revocations.keyValues.list()).entries.keys()]).toEqual(['stampKey', 'stateHome'])

    expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
    expect(await stage.keyIds()).toEqual([])
    expect(await stage.stores.trusted.findKeyGroup(`${stage.name}-keys`)).toBeUndefined()
    expect((await stage.stores.secret.describe())?.markedForDeletion).toBe(true)
    expect(await verdict(stage, third)).toBe('unknown key')
  })

  it.each(algorithms)('%s: what the first key signs is accepted', async (Algorithm) => {
    const stage = await openStage(aws)
    expect(await stage.cloudFormation('Create', { properties: { Algorithm } })).toMatchObject({ Status: 'SUCCESS' })
    expect((await stage.document()).keys[0]?.algorithm).toBe(Algorithm)
    expect(await verdict(stage, await stage.mint('alice'))).toBe('accepted')
  })

  it('never puts a secret into an answer to CloudFormation or into a log', async () => {
    const stage = await openStage(aws)
    const answer = await stage.cloudFormation('Create')
    await stage.rotate()
    const { sessionSecret = '?', stampKey, keys } = await stage.document()
    const told = JSON.stringify(answer) + stage.lines.join('\n')
    for (const secret of [sessionSecret, stampKey]) expect(told).not.toContain(secret)
    for (const { privateKey } of keys) {
      const pem = privateKey?.export({ type: 'pkcs8', format: 'pem' }) as string
      expect(told).not.toContain(pem.split('\n')[1])
    }
  })
})
