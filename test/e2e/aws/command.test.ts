import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { runCheck } from '../../../cli/doctor/check.ts'
import { deployedChecks } from '../../../cli/doctor/deployed-checks.ts'
import { runKeysStatus } from '../../../cli/keys/status.ts'
import { runRepair } from '../../../cli/repair.ts'
import { runRevocations, runRevoke } from '../../../cli/revoke/run.ts'
import type { Terminal } from '../../../cli/terminal.ts'
import { deploymentOf } from '../../../infra/load-deployment.ts'
import { makeKeyPair, publicKeyPem } from '../../../shared/keys/make-key-pair.ts'
import { revocationStateKey } from '../../../shared/revocation/state.ts'
import { type AwsEmulator, startAwsEmulator } from '../../support/aws-emulator.ts'
import { openStage, type Stage } from '../../support/aws-stage.ts'

// The commands know the stages of the project itself.
vi.mock('../../../edge-signer.config.ts', () => import('../../unit/fixtures/edge-signer.config.ts'))

/** The operator's commands against a deployed stage: `dev` of the fixture, in an emulator of AWS. */
let aws: AwsEmulator
let stage: Stage
let settings: Parameters<typeof runRevocations>[2]

beforeAll(async () => {
  aws = await startAwsEmulator()
  stage = await openStage(aws, 'edge-signer')
  settings = aws.settings as typeof settings
  const stack = await deployStack()
  expect(await stage.cloudFormation('Create', { stack })).toMatchObject({ Status: 'SUCCESS' })
})
afterAll(() => aws.stop())

/** @returns the stack's ARN. */
async function deployStack(): Promise<string> {
  const outputs = { KeyValueStoreArn: stage.parts.arn, BucketName: stage.parts.bucket, BucketRegion: 'us-east-1' }
  const client = new CloudFormationClient(aws.settings as object)
  const template = {
    Resources: { Something: { Type: 'AWS::SSM::Parameter', Properties: { Type: 'String', Value: 'x' } } },
    Outputs: Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }])),
  }
  const { StackId = '' } = await client.send(
    new CreateStackCommand({ StackName: 'edge-signer-dev', TemplateBody: JSON.stringify(template) }),
  )
  await vi.waitFor(async () => {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: 'edge-signer-dev' }))
    expect(Stacks?.[0]?.StackStatus).toBe('CREATE_COMPLETE')
  }, 10_000)
  client.destroy()
  return StackId
}

/** With a clock that is so many seconds ahead. */
function terminal(ahead = 0): Terminal & { text(): string } {
  let text = ''
  const add = (more: string) => {
    text += more
  }
  return {
    out: add,
    err: add,
    stdin: async () => '',
    env: {},
    now: () => Math.floor(Date.now() / 1000) + ahead,
    text: () => text,
  }
}

it('revoke and revocations work on the stack’s own bucket and KeyValueStore', async () => {
  const options = { stage: 'dev', json: true }
  const revoked = terminal()
  expect(await runRevoke('/users/alice/', { ...options, sub: 'alice' }, revoked, settings)).toBe(0)
  expect(JSON.parse(revoked.text())).toMatchObject({ stage: 'dev', prefix: '/users/alice/', sub: 'alice' })
  const { entries } = await stage.revocations.keyValues.list()
  expect([...entries.keys()].sort()).toEqual(['revoked/users/alice/', 'stampKey', 'stateHome'])
  // Minting ends with it.
  expect((await stage.mint('alice')).status).toBe(401)
  expect((await stage.mint('bob')).status).toBe(200)

  const listed = terminal()
  await runRevocations(options, listed, settings)
  expect(JSON.parse(listed.text()).revocations).toHaveLength(1)
  expect(await runRevoke('/users/alice/', { ...options, sub: 'alice', undo: true }, terminal(), settings)).toBe(0)
  expect((await stage.mint('alice')).status).toBe(200)
})

it('revoke and revocations use the clock of AWS, not that of the terminal', async () => {
  const revokeAt = async (prefix: string, ahead: number) => {
    const at = terminal(ahead)
    expect(await runRevoke(prefix, { stage: 'dev', json: true }, at, settings)).toBe(0)
    return Date.parse(JSON.parse(at.text()).before) / 1000
  }
  const listed = async (ahead: number) => {
    const at = terminal(ahead)
    await runRevocations({ stage: 'dev', json: true }, at, settings)
    return JSON.parse(at.text()).revocations.map(({ prefix }: { prefix: string }) => prefix)
  }
  const start = Math.floor(Date.now() / 1000)
  expect(await revokeAt('/users/alice/', -290)).toBeGreaterThanOrEqual(start + 120)
  expect(await revokeAt('/users/bob/', 2 * 86_400)).toBeLessThan(start + 180)
  expect(await listed(2 * 86_400)).toEqual(['/users/alice/', '/users/bob/'])
  for (const prefix of ['/users/alice/', '/users/bob/']) {
    expect(await runRevoke(prefix, { stage: 'dev', undo: true }, terminal(2 * 86_400), settings)).toBe(0)
  }
  expect(await listed(0)).toEqual([])
})

it('keys status tells what a rotation does, and doctor what is wrong', async () => {
  const roles = async () => {
    const shown = terminal()
    const status = await runKeysStatus({ stage: 'dev', json: true }, shown, settings)
    return { status, roles: JSON.parse(shown.text()).keys.map(({ role }: { role: string }) => role) }
  }
  const findings = async () => {
    const results = await Promise.all(
      deployedChecks(deploymentOf('dev'), aws.settings as never, terminal().now()).map(runCheck),
    )
    return Object.fromEntries(results.map(({ check, status }) => [check, status]))
  }
  expect(await roles()).toEqual({ status: 0, roles: ['signing'] })
  await stage.rotate()
  expect((await roles()).roles.sort()).toEqual(['signing', 'waiting'])
  const well = await findings()
  expect(well).toMatchObject({ stack: 'pass', keys: 'pass', 'stamp key': 'pass', revocations: 'pass' })
  // The schedule is CloudFormation's to make, and this stack has none.
  expect(well.rotation).toBe('fail')

  const { version } = await stage.revocations.keyValues.list()
  await stage.revocations.keyValues.update({ puts: new Map([['stampKey', 'another']]), deletes: [] }, version)
  expect((await findings())['stamp key']).toBe('fail')
})

it('repair shows what is broken in a live stage, puts it right with --yes, and finds nothing the second time', async () => {
  const repair = async (yes: boolean, ahead = 0) => {
    const shown = terminal(ahead)
    const status = await runRepair({ stage: 'dev', yes, json: true }, shown, settings)
    const checks: { check: string; status: string; does?: string }[] = JSON.parse(shown.text()).checks
    return { status, open: checks.filter((check) => check.status === 'open').map(({ check, does }) => [check, does]) }
  }
  const everything = async (ahead = 0) => {
    expect((await repair(true, ahead)).open).toEqual([])
    expect(await repair(true, ahead)).toEqual({ status: 0, open: [] })
  }
  await everything()
  const { state, keyValues } = stage.revocations

  // The state object is lost while alice is revoked.
  expect(await runRevoke('/users/alice/', { stage: 'dev', sub: 'alice' }, terminal(), settings)).toBe(0)
  await aws.s3.send(new DeleteObjectCommand({ Bucket: stage.parts.bucket, Key: revocationStateKey }))
  expect((await stage.mint('bob')).status).toBe(503)
  const rebuild = 'rebuild the revocation state for /users/alice/, for everybody'
  expect(await repair(false)).toEqual({ status: 1, open: [['revocations', rebuild]] })
  expect(await state.load()).toBeUndefined()
  await everything()
  expect((await stage.mint('alice')).status).toBe(401)
  expect((await stage.mint('bob')).status).toBe(200)

  // An entry, and the stamp key, are lost from the KeyValueStore.
  const { version } = await keyValues.list()
  await keyValues.update({ puts: new Map([['stampKey', 'another']]), deletes: ['revoked/users/alice/'] }, version)
  expect((await repair(false)).open.map(([check]) => check)).toEqual(['stamp key', 'revocations'])
  await everything()
  expect((await keyValues.list()).entries.has('revoked/users/alice/')).toBe(true)

  // The key that signs is taken out of the group, as after a leak. It must not come back.
  const { keys } = await stage.document()
  const other = await stage.stores.trusted.createPublicKey({
    name: 'left-by-a-rotation',
    comment: stage.secretId,
    pem: publicKeyPem(makeKeyPair('ES256').publicKey),
  })
  const group = await stage.stores.trusted.findKeyGroup(`${stage.name}-keys`)
  if (group === undefined) throw new Error('no key group')
  await stage.stores.trusted.updateKeyGroup(group, [other.id])
  const broken = await repair(false)
  expect(broken.open[0]?.[0]).toBe('keys')
  expect(broken.open[0]?.[1]).toContain(`drop ${keys[0]?.keyPairId}`)
  await repair(true)
  expect(await stage.groupIds()).not.toContain(keys[0]?.keyPairId)
  expect((await stage.mint('bob')).status).toBe(200)
})

it('distinguishes a stage that is not deployed', async () => {
  await expect(runRevocations({ stage: 'prod' }, terminal(), settings)).rejects.toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining('edge-signer-prod'),
  })
})
