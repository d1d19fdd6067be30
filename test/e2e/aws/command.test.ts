import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { runCheck } from '../../../cli/doctor/check.ts'
import { deployedChecks } from '../../../cli/doctor/deployed-checks.ts'
import { runKeysStatus } from '../../../cli/keys/run-status.ts'
import { runRevocations } from '../../../cli/revoke/run-revocations.ts'
import { runRevoke } from '../../../cli/revoke/run-revoke.ts'
import { deploymentOf } from '../../../cli/stage/deployment.ts'
import type { Terminal } from '../../../cli/terminal.ts'
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
  expect(await stage.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
  await deployStack()
})
afterAll(() => aws.stop())

async function deployStack(): Promise<void> {
  const outputs = { KeyValueStoreArn: stage.parts.arn, BucketName: stage.parts.bucket, BucketRegion: 'us-east-1' }
  const client = new CloudFormationClient(aws.settings as object)
  const template = {
    Resources: { Something: { Type: 'AWS::SSM::Parameter', Properties: { Type: 'String', Value: 'x' } } },
    Outputs: Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }])),
  }
  await client.send(new CreateStackCommand({ StackName: 'edge-signer-dev', TemplateBody: JSON.stringify(template) }))
  await vi.waitFor(async () => {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: 'edge-signer-dev' }))
    expect(Stacks?.[0]?.StackStatus).toBe('CREATE_COMPLETE')
  }, 10_000)
  client.destroy()
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
  expect([...entries.keys()].sort()).toEqual(['revoked/users/alice/', 'stampKey'])
  // Minting ends with it.
  expect((await stage.mint('alice')).status).toBe(401)
  expect((await stage.mint('bob')).status).toBe(200)

  const listed = terminal()
  await runRevocations(options, listed, settings)
  expect(JSON.parse(listed.text()).revocations).toHaveLength(1)
  expect(await runRevoke('/users/alice/', { ...options, sub: 'alice', undo: true }, terminal(), settings)).toBe(0)
  expect((await stage.mint('alice')).status).toBe(200)
})

it('revoke and revocations go by the clock of AWS, whatever that of the terminal says', async () => {
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

it('a stage that is not deployed is told apart from one that is', async () => {
  await expect(runRevocations({ stage: 'prod' }, terminal(), settings)).rejects.toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining('edge-signer-prod'),
  })
})
