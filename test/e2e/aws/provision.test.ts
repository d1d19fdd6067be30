import { CreateDistributionCommand, CreateKeyGroupCommand, CreatePublicKeyCommand } from '@aws-sdk/client-cloudfront'
import { DeleteBucketCommand, GetObjectCommand } from '@aws-sdk/client-s3'
import { CreateSecretCommand, DeleteSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAwsClients, openAwsStores } from '../../../functions/provision/aws-stores.ts'
import type { ProvisionStores } from '../../../functions/provision/stores.ts'
import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { keyTimes, waitingTime } from '../../../shared/keys/key-times.ts'
import { makeKeyPair, publicKeyPem } from '../../../shared/keys/make-key-pair.ts'
import { revoke } from '../../../shared/revocation/revoke.ts'
import { parseRevocationState } from '../../../shared/revocation/state.ts'
import { type AwsEmulator, startAwsEmulator } from '../../support/aws-emulator.ts'
import { openStage, type Stage } from '../../support/aws-stage.ts'

let aws: AwsEmulator
beforeAll(async () => {
  aws = await startAwsEmulator()
})
afterAll(() => aws.stop())

/** Everything that the custom resource owns, by id. */
async function inventory(stage: Stage) {
  const secret = await stage.stores.secret.describe()
  return {
    keys: await stage.keyIds(),
    group: await stage.groupIds(),
    secret: secret === undefined || secret.markedForDeletion ? undefined : secret.current,
  }
}
const nothing = { keys: [], group: [], secret: undefined }

/** The stores, with one operation that fails, hangs or answers something else. */
function stores(stage: Stage, operation: string, instead: () => Promise<unknown>) {
  const [part, method] = operation.split('.') as ['secret' | 'trusted' | 'state', string]
  return (signal?: AbortSignal): ProvisionStores => {
    const real = openAwsStores(stage.secretId, createAwsClients(aws.settings), signal)
    const broken = <T extends object>(store: T): T =>
      new Proxy(store, { get: (target, name) => (name === method ? instead : Reflect.get(target, name)) })
    if (part === 'state') {
      return {
        ...real,
        bucket: (at) => {
          const bucket = real.bucket(at)
          return { ...bucket, state: broken(bucket.state) }
        },
      }
    }
    return { ...real, [part]: broken(real[part]) }
  }
}

describe('create', () => {
  it('fills bucket and KeyValueStore, and changes nothing when it is asked again', async () => {
    const stage = await openStage(aws)
    const first = await stage.cloudFormation('Create')
    const before = await inventory(stage)
    const page = await aws.s3.send(new GetObjectCommand({ Bucket: stage.parts.bucket, Key: '_edge/pages/403.html' }))
    expect(await page.Body?.transformToString()).toBe('<!doctype html>')
    expect((await stage.revocations.state.load())?.json).toBe('{"revocations":[]}')
    for (const type of ['Create', 'Update'] as const) {
      expect(await stage.cloudFormation(type)).toEqual(expect.objectContaining({ Status: 'SUCCESS', Data: first.Data }))
      expect(await inventory(stage)).toEqual(before)
    }
  })

  it.each([
    'trusted.createPublicKey',
    'secret.create',
    'trusted.createKeyGroup',
    'trusted.listPublicKeys',
    'state.save',
  ])('leaves nothing behind when %s fails, and says so', async (operation) => {
    const stage = await openStage(aws)
    const broken = stores(stage, operation, async () => {
      throw Object.assign(new Error('secret text of the service'), { name: 'ServiceFault' })
    })
    const answer = await stage.cloudFormation('Create', { world: { openStores: broken } })
    expect(answer).toMatchObject({ Status: 'FAILED', PhysicalResourceId: `${stage.name}-keys` })
    expect(answer.Reason).toMatch(/^ServiceFault: not foreseen here: deploy again.* \(log stream log\)$/)
    expect(await inventory(stage)).toEqual(nothing)
    // CloudFormation rolls back, then the operator deploys again.
    expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
    expect(await stage.cloudFormation('Create', { stack: 'the-next-stack' })).toMatchObject({ Status: 'SUCCESS' })
  })

  it('answers before its own time-out, and takes back what it made', async () => {
    const stage = await openStage(aws)
    const hanging = stores(stage, 'trusted.createKeyGroup', () => new Promise<never>(() => {}))
    const answer = await stage.cloudFormation('Create', { world: { openStores: hanging }, remainingMs: 36_500 })
    expect(answer.Status).toBe('FAILED')
    expect(answer.Reason).toContain('ERR_KEYS_UNAVAILABLE: AWS did not answer in time: deploy again')
    expect(await inventory(stage)).toEqual(nothing)
  })

  it('answers CloudFormation if it cannot begin', async () => {
    const stage = await openStage(aws)
    const openStores = () => {
      throw new TypeError('no client')
    }
    expect(await stage.cloudFormation('Create', { world: { openStores } })).toMatchObject({ Status: 'FAILED' })
  })

  it('waits for the permissions of a role that was just made', async () => {
    const stage = await openStage(aws)
    let denials = 3
    const openStores = (signal?: AbortSignal) => {
      if (denials-- > 0) throw Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' })
      return openAwsStores(stage.secretId, createAwsClients(aws.settings), signal)
    }
    expect(await stage.cloudFormation('Create', { world: { openStores } })).toMatchObject({ Status: 'SUCCESS' })
  })

  it('answers over a network that fails twice', async () => {
    const stage = await openStage(aws)
    let faults = 2
    const flaky: typeof fetch = async (...request) => {
      if (faults-- > 0) throw new TypeError('fetch failed')
      return fetch(...request)
    }
    expect(await stage.cloudFormation('Create', { world: { fetch: flaky } })).toMatchObject({ Status: 'SUCCESS' })
  })

  it.each([{ Keys: 'x' }, { Algorithm: 'ES512' }, { SessionSecret: 'a-secret-that-must-not-be-shown' }])(
    'refuses properties %o by name, and its removal still works',
    async (properties) => {
      const stage = await openStage(aws)
      const answer = await stage.cloudFormation('Create', { properties: properties as Record<string, string> })
      expect(answer.Status).toBe('FAILED')
      expect(answer.Reason).toContain(`property ${Object.keys(properties)[0]} is unknown, missing or wrong; known are`)
      expect(answer.Reason).not.toContain('must-not-be-shown')
      expect(await inventory(stage)).toEqual(nothing)
      expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
    },
  )
})

describe('a second stack of the same name', () => {
  it('is refused, and its rollback takes nothing from the first', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    const before = await inventory(stage)
    const answer = await stage.cloudFormation('Create', { stack: 'other-stack' })
    expect(answer).toMatchObject({ Status: 'FAILED' })
    expect(answer.Reason).toMatch(/belongs to stack arn:.*remove that stack, or choose another service or stage name/)
    expect(answer.Reason).toContain('where that stack is no more, tag it edge-signer:stack=released to hand it over')
    expect(await stage.cloudFormation('Delete', { stack: 'other-stack' })).toMatchObject({ Status: 'SUCCESS' })
    expect(await inventory(stage)).toEqual(before)
  })

  it('names the tag that hands over a secret without an owner', async () => {
    const stage = await openStage(aws)
    await aws.secrets.send(new CreateSecretCommand({ Name: stage.secretId, SecretString: '{}' }))
    const answer = await stage.cloudFormation('Create')
    expect(answer.Reason).toContain('delete it, or tag it edge-signer:stack=released')
    expect((await inventory(stage)).secret).toBeDefined()
  })

  it('does not take a key group of another service whose name is spelled the same', async () => {
    const stage = await openStage(aws)
    const pem = publicKeyPem(makeKeyPair('ES256').publicKey)
    const { PublicKey } = await aws.cloudFront.send(
      new CreatePublicKeyCommand({
        PublicKeyConfig: { CallerReference: stage.name, Name: stage.name, EncodedKey: pem },
      }),
    )
    const config = { Name: `${stage.name}-keys`, Items: [PublicKey?.Id ?? ''], Comment: 'a/b/keys' }
    await aws.cloudFront.send(new CreateKeyGroupCommand({ KeyGroupConfig: config }))
    const answer = await stage.cloudFormation('Create')
    expect(answer.Reason).toContain('choose another service or stage name')
    expect(await stage.groupIds()).toEqual([PublicKey?.Id])
    expect(await stage.keyIds()).toEqual([])
    expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
    expect(await stage.groupIds()).toEqual([PublicKey?.Id])
  })
})

describe('a second stage in the bucket of another', () => {
  it('is refused by the name of the first, and its rollback takes nothing from it', async () => {
    const first = await openStage(aws)
    const second = await openStage(aws)
    const properties = { BucketName: first.parts.bucket }
    await first.cloudFormation('Create')
    const answer = await second.cloudFormation('Create', { properties })
    expect(answer.Status).toBe('FAILED')
    expect(answer.Reason).toContain(
      `ERR_CONFIG: bucket ${first.parts.bucket} belongs to stage ${first.service}/dev: use`,
    )
    expect(await inventory(second)).toEqual(nothing)
    const removed = await second.cloudFormation('Delete', { properties })
    expect(removed.Status).toBe('SUCCESS')
    expect(removed.Reason).toContain(`belongs to stage ${first.service}/dev: it was left as it is`)
    await aws.s3.send(new GetObjectCommand({ Bucket: first.parts.bucket, Key: '_edge/pages/403.html' }))
    expect(await first.revocations.state.load()).toBeDefined()
    expect(await first.cloudFormation('Update')).toMatchObject({ Status: 'SUCCESS' })
  })

  it('can have the bucket once the first is removed', async () => {
    const first = await openStage(aws)
    const second = await openStage(aws)
    await first.cloudFormation('Create')
    await first.cloudFormation('Delete')
    const properties = { BucketName: first.parts.bucket }
    expect(await second.cloudFormation('Create', { properties })).toMatchObject({ Status: 'SUCCESS' })
  })

  it('does not echo the text of a forged mark', async () => {
    const stage = await openStage(aws)
    const bucket = stage.stores.bucket({ name: stage.parts.bucket, region: 'us-east-1' })
    await bucket.owner.save('<b>not a stage</b>', undefined)
    const answer = await stage.cloudFormation('Create')
    expect(answer.Reason).toContain('belongs to another stage: use another bucket')
    expect(answer.Reason).not.toContain('<b>')
  })
})

describe('update', () => {
  it('rotates to another algorithm, and the old key signs until the new one is known everywhere', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    const before = await stage.document()
    expect(await stage.cloudFormation('Update', { properties: { Algorithm: 'RS256' } })).toMatchObject({
      Status: 'SUCCESS',
    })
    const after = await stage.document()
    expect(after.keys.map(({ algorithm }) => algorithm)).toEqual(['ES256', 'RS256'])
    expect(after.keys[1]?.notBefore).toBeGreaterThanOrEqual(Math.floor(Date.now() / 1000) + waitingTime(keyTimes) - 60)
    expect(after.stampKey).toBe(before.stampKey)
    expect(await stage.groupIds()).toHaveLength(2)
    const minted = await stage.mint('alice')
    expect(minted.cookies.find(({ name }) => name === 'CloudFront-Key-Pair-Id')?.value).toBe(before.keys[0]?.keyPairId)
  })

  it('takes its key back when the deploy is rolled back', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    const before = await inventory(stage)
    await stage.cloudFormation('Update', { properties: { Algorithm: 'RS256' } })
    await stage.cloudFormation('Update')
    expect(await inventory(stage)).toMatchObject({ keys: before.keys, group: before.group })
    expect((await stage.document()).keys).toHaveLength(1)
  })

  it('adds the session secret when HS256 comes later, and keeps it afterwards', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create', { properties: { SessionSecret: 'none' } })
    expect((await stage.document()).sessionSecret).toBeUndefined()
    await stage.cloudFormation('Update')
    const { sessionSecret } = await stage.document()
    expect(sessionSecret).toMatch(/^[\w-]{43}$/)
    await stage.cloudFormation('Update', { properties: { SessionSecret: 'none' } })
    expect((await stage.document()).sessionSecret).toBe(sessionSecret)
  })

  it('does not say that it added a session secret where somebody else changed the document', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create', { properties: { SessionSecret: 'none' } })
    const before = await stage.document()
    const beaten = stores(stage, 'secret.replaceCurrent', async () => 'changed-meanwhile')
    const answer = await stage.cloudFormation('Update', { world: { openStores: beaten } })
    expect(answer.Status).toBe('FAILED')
    expect(answer.Reason).toContain(
      `ERR_KEYS_ROTATION: secret ${stage.secretId} was changed at the same moment: try again`,
    )
    expect(stage.lines.join()).not.toContain('sessionSecret added')
    expect(await stage.document()).toMatchObject({ sessionSecret: undefined, stampKey: before.stampKey })
  })

  it('takes its key back where the document of an empty secret, or of lost keys, was written by somebody else', async () => {
    const empty = await openStage(aws)
    const Tags = [
      { Key: 'edge-signer:stack', Value: `arn:aws:cloudformation:us-east-1:000000000000:stack/${empty.name}/1` },
    ]
    await aws.secrets.send(new CreateSecretCommand({ Name: empty.secretId, Tags }))
    const lost = await openStage(aws)
    await lost.cloudFormation('Create')
    const group = await lost.stores.trusted.findKeyGroup(`${lost.name}-keys`)
    if (group !== undefined) await lost.stores.trusted.deleteKeyGroup(group)
    for (const id of await lost.keyIds()) await lost.stores.trusted.deletePublicKey(id)
    for (const stage of [empty, lost]) {
      const beaten = stores(stage, 'secret.replaceCurrent', async () => 'changed-meanwhile')
      const answer = await stage.cloudFormation('Update', { world: { openStores: beaten } })
      expect(answer.Reason).toContain('ERR_KEYS_ROTATION')
      expect(await inventory(stage)).toMatchObject({ keys: [], group: [] })
      expect(await stage.cloudFormation('Update')).toMatchObject({ Status: 'SUCCESS' })
      expect((await stage.mint('alice')).status).toBe(200)
    }
  })

  it('fills a KeyValueStore that was replaced with the revocations that count', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    await revoke({ prefix: parseResourcePrefix('/users/alice/') }, stage.revocations, Math.floor(Date.now() / 1000))
    const { entries, version } = await stage.revocations.keyValues.list()
    await stage.revocations.keyValues.update({ puts: new Map(), deletes: [...entries.keys()] }, version)
    await stage.cloudFormation('Update')
    expect((await stage.revocations.keyValues.list()).entries).toEqual(entries)
  })
})

describe('secrets that are not as they should be', () => {
  it('fills one that was made without a text', async () => {
    const stage = await openStage(aws)
    const Tags = [
      { Key: 'edge-signer:stack', Value: `arn:aws:cloudformation:us-east-1:000000000000:stack/${stage.name}/1` },
    ]
    await aws.secrets.send(new CreateSecretCommand({ Name: stage.secretId, Tags }))
    expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
    expect((await stage.mint('alice')).status).toBe(200)
  })

  it('leaves a damaged document alone and says how to go back', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    const { current } = (await stage.stores.secret.describe()) ?? {}
    await aws.secrets.send(new PutSecretValueCommand({ SecretId: stage.secretId, SecretString: '{"keys":[' }))
    const answer = await stage.cloudFormation('Update')
    expect(answer.Reason).toContain(
      'key document: document must be JSON. Move AWSCURRENT back to the version labelled AWSPREVIOUS',
    )
    await expect(stage.daily()).rejects.toMatchObject({ code: 'ERR_KEYS_INVALID' })
    await expect(stage.rotate()).rejects.toMatchObject({ code: 'ERR_KEYS_INVALID' })
    const damaged = (await stage.stores.secret.describe())?.current ?? ''
    expect(await stage.stores.secret.makeCurrent(current ?? '', damaged)).toBe('moved')
    expect(await stage.cloudFormation('Update')).toMatchObject({ Status: 'SUCCESS' })
  })

  it('makes new keys if the secret was deleted permanently', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    await aws.secrets.send(new DeleteSecretCommand({ SecretId: stage.secretId, ForceDeleteWithoutRecovery: true }))
    await expect(stage.daily()).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE' })
    expect(await stage.cloudFormation('Update')).toMatchObject({ Status: 'SUCCESS' })
    const { keys } = await stage.document()
    expect(await stage.groupIds()).toContain(keys[0]?.keyPairId)
    expect((await stage.mint('alice')).status).toBe(200)
  })
})

describe('delete', () => {
  it('leaves a key group that a distribution trusts, says so, and takes it up again', async () => {
    const stage = await openStage(aws)
    const { Data } = await stage.cloudFormation('Create')
    await trustInDistribution(Data?.KeyGroupId ?? '')
    const before = await inventory(stage)
    const answer = await stage.cloudFormation('Delete')
    expect(answer.Status).toBe('SUCCESS')
    expect(answer.Reason).toContain(`key group ${Data?.KeyGroupId} is still trusted by a distribution`)
    expect(stage.lines).toContain(answer.Reason?.slice(0, 1000))
    expect(await inventory(stage)).toEqual({ ...before, secret: undefined })
    expect(await stage.cloudFormation('Create', { stack: 'the-next-stack' })).toMatchObject({ Data })
    expect(await inventory(stage)).toMatchObject({ group: before.group })
  })

  it('is followed by creations that fail and leave no key in the group that stayed', async () => {
    const stage = await openStage(aws)
    const { Data } = await stage.cloudFormation('Create')
    await trustInDistribution(Data?.KeyGroupId ?? '')
    await stage.cloudFormation('Delete')
    await aws.secrets.send(new DeleteSecretCommand({ SecretId: stage.secretId, ForceDeleteWithoutRecovery: true }))
    const before = await inventory(stage)
    for (let i = 0; i < 5; i++) {
      const answer = await stage.cloudFormation('Create', {
        stack: `try-${i}`,
        properties: { BucketName: 'no-such-bucket-x' },
      })
      expect(answer.Reason).toMatch(/^NoSuchBucket/)
      expect(await inventory(stage)).toEqual(before)
    }
    const { KeyGroupId } = Data ?? {}
    const next = await stage.cloudFormation('Create', { stack: 'the-next-stack' })
    expect(next).toMatchObject({ Status: 'SUCCESS', Data: { KeyGroupId } })
    expect((await stage.mint('alice')).status).toBe(200)
  })

  it('returns stamp key and session secret to the next stack, with a new key', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    const before = await stage.document()
    await stage.cloudFormation('Delete')
    // Asked twice, as CloudFormation may.
    expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
    expect(await stage.cloudFormation('Create', { stack: 'the-next-stack' })).toMatchObject({ Status: 'SUCCESS' })
    const after = await stage.document()
    expect(after).toMatchObject({ stampKey: before.stampKey, sessionSecret: before.sessionSecret })
    expect(after.keys.map(({ keyPairId }) => keyPairId)).not.toEqual(before.keys.map(({ keyPairId }) => keyPairId))
    expect(await stage.groupIds()).toEqual(after.keys.map(({ keyPairId }) => keyPairId))
  })

  it('leaves nothing in a bucket where nothing is revoked, so that it can go', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
    await aws.s3.send(new DeleteBucketCommand({ Bucket: stage.parts.bucket }))
  })

  it('removes the pages and keeps what is revoked', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    const now = Math.floor(Date.now() / 1000)
    const { before } = await revoke({ prefix: parseResourcePrefix('/users/alice/') }, stage.revocations, now)
    await stage.cloudFormation('Delete')
    const page = new GetObjectCommand({ Bucket: stage.parts.bucket, Key: '_edge/pages/403.html' })
    await expect(aws.s3.send(page)).rejects.toThrow(expect.objectContaining({ name: 'NoSuchKey' }))
    const { json = '' } = (await stage.revocations.state.load()) ?? {}
    expect(parseRevocationState(json).revocations).toMatchObject([{ prefix: '/users/alice/', before }])
  })

  it('keeps a revocation state that nobody can read', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    const { version } = (await stage.revocations.state.load()) ?? {}
    await stage.revocations.state.save('{"revocations":[', version)
    expect(await stage.cloudFormation('Delete')).toMatchObject({ Status: 'SUCCESS' })
    expect((await stage.revocations.state.load())?.json).toBe('{"revocations":[')
  })

  it('succeeds without the bucket, and says so', async () => {
    const stage = await openStage(aws)
    await stage.cloudFormation('Create')
    await stage.removeBucket()
    const answer = await stage.cloudFormation('Delete')
    expect(answer.Status).toBe('SUCCESS')
    expect(answer.Reason).toContain(`bucket ${stage.parts.bucket}: what is ours in it was left (NoSuchBucket: `)
    expect(await inventory(stage)).toEqual(nothing)
  })

  it('succeeds after a creation that named no bucket', async () => {
    const stage = await openStage(aws)
    const properties = { BucketName: 'no-such-bucket-x' }
    const answer = await stage.cloudFormation('Create', { properties })
    expect(answer.Status).toBe('FAILED')
    expect(answer.Reason).toMatch(/^NoSuchBucket: .*check bucket and bucketRegion of the stage \(log stream log\)$/)
    expect(await inventory(stage)).toEqual(nothing)
    expect(await stage.cloudFormation('Delete', { properties })).toMatchObject({ Status: 'SUCCESS' })
    expect(await stage.cloudFormation('Create', { stack: 'the-next-stack' })).toMatchObject({ Status: 'SUCCESS' })
  })
})

async function trustInDistribution(keyGroupId: string): Promise<void> {
  const origin = {
    Id: 'o',
    DomainName: 'example.com',
    CustomOriginConfig: { HTTPPort: 80, HTTPSPort: 443, OriginProtocolPolicy: 'https-only' as const },
  }
  await aws.cloudFront.send(
    new CreateDistributionCommand({
      DistributionConfig: {
        CallerReference: keyGroupId,
        Comment: '',
        Enabled: true,
        Origins: { Quantity: 1, Items: [origin] },
        DefaultCacheBehavior: {
          TargetOriginId: 'o',
          ViewerProtocolPolicy: 'https-only',
          CachePolicyId: '658327ea-f89d-4fab-a63d-7e88639e58f6',
          TrustedKeyGroups: { Enabled: true, Quantity: 1, Items: [keyGroupId] },
        },
      },
    }),
  )
}
