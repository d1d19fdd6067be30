import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { describe, expect, it } from 'vitest'
import { type DoctorFinding, repairOf } from '../../../cli/doctor/check.ts'
import { checkKeyLeftovers, checkKeyOwner, checkKeys } from '../../../cli/doctor/deployed-checks.ts'
import { openAwsStores } from '../../../functions/provision/aws-stores.ts'
import { ensureKeys } from '../../../functions/provision/ensure-keys.ts'
import { UndoList } from '../../../functions/provision/undo.ts'
import { readCurrent, requireKeyGroup } from '../../../shared/keys/key-ring.ts'
import { draftLabel } from '../../../shared/keys/key-secret.ts'
import { keyTimes } from '../../../shared/keys/key-times.ts'
import { makeKeyPair, publicKeyPem } from '../../../shared/keys/make-key-pair.ts'
import { clientsOf, MemoryAws } from '../../torture/lifecycle/aws/memory-aws.ts'

const mark = 'svc/dev/keys'

/** The keys of a stage that was just deployed, in an AWS in memory. */
async function stage() {
  const state = { now: 1_800_000_000_000 }
  const aws = new MemoryAws({ lagMs: () => 0, conflict: () => 'InvalidIfMatchVersion' })
  const clients = clientsOf(async (command) => aws.execute(command, state.now))
  const { secret, trusted } = openAwsStores(mark, clients)
  const wait = async (ms: number) => {
    state.now += Math.max(ms, 1)
  }
  const clock = { nowMs: () => state.now, random: () => 0.5, wait }
  const ring = (algorithm: 'ES256' | 'RS256' = 'ES256') => ({
    ...{ name: 'svc-dev', secret, trusted, algorithm, times: keyTimes, clock, report: () => undefined },
    now: Math.floor(state.now / 1000),
  })
  await ensureKeys(ring(), { owner: 'stack', sessionSecret: true, isNewStack: true }, new UndoList())
  const keyIds = async () => (await readCurrent(ring())).document.keys.map(({ keyPairId }) => keyPairId)
  const groupIds = async () => (await requireKeyGroup(ring())).keyPairIds
  const publish = (name: string) =>
    trusted.createPublicKey({ name, comment: mark, pem: publicKeyPem(makeKeyPair('ES256').publicKey) })
  return { aws, state, secret, trusted, ring, keyIds, groupIds, publish }
}

/** Returns the findings before the repair, and after it was made twice. */
async function repaired(look: () => Promise<DoctorFinding>) {
  const before = await look()
  await repairOf(before)?.run()
  await repairOf(before)?.run()
  return { before, after: await look() }
}

describe('doctor and repair: keys (I1, I2, I6)', () => {
  it('finds no fault in a stage that was just deployed', async () => {
    const { ring } = await stage()
    for (const look of [checkKeys, checkKeyLeftovers]) expect(await look(ring())).toMatchObject({ status: 'pass' })
    expect(await checkKeyOwner(ring(), 'stack')).toMatchObject({ status: 'pass' })
  })

  it('finds a signing key that was removed from the group, and makes another: the withdrawn one is never added again', async () => {
    const { ring, trusted, keyIds, groupIds, publish } = await stage()
    const [leaked = ''] = await keyIds()
    const { id } = await publish('other')
    await trusted.updateKeyGroup(await requireKeyGroup(ring()), [id])
    const { before, after } = await repaired(() => checkKeys(ring()))
    expect(repairOf(before)?.does).toBe(
      `drop ${leaked} from the key document, then make a new key, which signs at once`,
    )
    expect(after.status).toBe('pass')
    expect(await keyIds()).toHaveLength(1)
    expect([await keyIds(), await groupIds()].flat()).not.toContain(leaked)
  })

  it('finds public keys and drafts of an interrupted run, and removes them', async () => {
    const { aws, state, ring, trusted, publish, secret } = await stage()
    const { id } = await publish('left')
    expect((await checkKeyLeftovers(ring())).status).toBe('pass')
    state.now += 2 * 3_600_000
    const input = { SecretId: mark, SecretString: 'a private key', VersionStages: [draftLabel] }
    aws.execute(new PutSecretValueCommand(input), state.now)
    const { before, after } = await repaired(() => checkKeyLeftovers(ring()))
    expect(before.detail).toMatch(new RegExp(`^version .* is a draft that was never used; public key ${id} is unused$`))
    expect(JSON.stringify(before)).not.toContain('a private key')
    expect(after.status).toBe('pass')
    expect([await trusted.findPublicKey(id), (await secret.describe())?.draft]).toEqual([undefined, undefined])
  })

  it('finds a foreign key in the group, and repairs nothing: another stage may need it', async () => {
    const { ring, trusted, groupIds } = await stage()
    const pem = publicKeyPem(makeKeyPair('ES256').publicKey)
    const { id } = await trusted.createPublicKey({ name: 'foreign', comment: 'another', pem })
    await trusted.updateKeyGroup(await requireKeyGroup(ring()), [...(await groupIds()), id])
    const found = await checkKeys(ring())
    expect(found).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining(`${id} in the key group is not ours`),
    })
    expect(repairOf(found)).toBeUndefined()
  })

  it('finds a secret of another stack', async () => {
    const { ring } = await stage()
    expect(await checkKeyOwner(ring(), 'other')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('stack'),
    })
  })

  it('makes no key of another algorithm if only the configuration was changed', async () => {
    const { ring, keyIds, publish, state } = await stage()
    await publish('left')
    state.now += 2 * 3_600_000
    await repaired(() => checkKeyLeftovers(ring('RS256')))
    expect(await keyIds()).toHaveLength(1)
  })
})
