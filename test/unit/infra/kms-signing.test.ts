import { describe, expect, it } from 'vitest'
import { distributionFragment } from '../../../infra/distribution/distribution.ts'
import { kmsSignStatements } from '../../../infra/kms.ts'
import { outputsFragment } from '../../../infra/outputs.ts'
import { rolesFragment } from '../../../infra/resources.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'

const arn = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const session = { algorithms: ['HS256' as const], issuer: null, audience: null }
const deployment = (kmsKeys?: string[]) =>
  parseDeployment(
    { service: 's', defaults: { session, grants: ['/users/{sub}/*'] }, stages: { test: {} } },
    'test',
    kmsKeys === undefined ? {} : { keys: { kmsKeys } },
  )
const signing = (keys?: string[]) =>
  Object.entries(rolesFragment(deployment(keys)).Resources ?? {}).flatMap(([name, role]) =>
    JSON.stringify(role).includes('kms:') ? [name] : [],
  )

it('lets nobody sign with KMS until the stage names a key, then session function and API', () => {
  expect(signing()).toEqual([])
  expect(signing([arn]).sort()).toEqual(['ApiFunctionRole', 'SessionFunctionRole'])
})

it('allows Sign alone, with these keys, of messages, by what CloudFront verifies', () => {
  expect(kmsSignStatements(deployment([arn]))).toEqual([
    {
      Effect: 'Allow',
      Action: 'kms:Sign',
      Resource: [arn],
      Condition: {
        StringEquals: {
          'kms:SigningAlgorithm': ['ECDSA_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_256'],
          'kms:MessageType': 'RAW',
        },
      },
    },
  ])
})

it.each([
  '*',
  'arn:aws:kms:*:*:key/*',
  'arn:aws:kms:us-east-1:123456789012:alias/keys',
  `${arn}/*`,
  'arn:aws:s3:::bucket',
])('takes no %s for a key', (key) => {
  expect(() => deployment([key])).toThrow('keys.kmsKeys')
})

describe('an existing bucket with SSE-KMS', () => {
  const bucket = { bucket: 'files-of-ours', bucketRegion: 'eu-west-1', bucketKmsKey: arn }
  const stage = (config: Readonly<Record<string, unknown>>) =>
    parseDeployment(
      { service: 's', defaults: { session, grants: ['/users/{sub}/*'] }, stages: { test: {} } },
      'test',
      config,
    )
  const statementsOf = (role: unknown) =>
    (
      role as {
        Properties: { Policies?: { PolicyDocument: { Statement: { Action: unknown; Resource: unknown }[] } }[] }
      }
    ).Properties.Policies?.[0]?.PolicyDocument.Statement.filter((one) => JSON.stringify(one.Action).includes('kms:'))

  it('is read and written with its key by each function that uses it, through S3 alone', () => {
    const roles = rolesFragment(stage(bucket)).Resources ?? {}
    const read = { Effect: 'Allow', Action: ['kms:Decrypt'], Resource: arn }
    const viaS3 = { Condition: { StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } } }
    const write = { ...read, Action: ['kms:Decrypt', 'kms:GenerateDataKey'] }
    expect(statementsOf(roles.SessionFunctionRole)).toEqual([{ ...read, ...viaS3 }])
    for (const name of ['Api', 'Publish', 'Provision', 'RotateKey']) {
      expect(statementsOf(roles[`${name}FunctionRole`])).toEqual([{ ...write, ...viaS3 }])
    }
  })

  it('names the statement that the policy of its key needs for CloudFront', () => {
    const { Outputs } = outputsFragment(stage(bucket))
    expect(JSON.stringify(Outputs?.BucketKeyPolicyToAdd)).toMatch(/cloudfront\.amazonaws\.com.*kms:Decrypt.*SourceArn/)
    expect(outputsFragment(stage({})).Outputs).not.toHaveProperty('BucketKeyPolicyToAdd')
  })

  it('is named together with its bucket', () => {
    expect(() => stage({ bucketKmsKey: arn })).toThrow('bucketKmsKey: only an existing bucket')
    expect(() => stage({ ...bucket, bucketKmsKey: 'alias/files' })).toThrow('bucketKmsKey')
  })
})

it.each(['gate', 'key-group'] as const)('the distribution of %s mode waits for its keys', (enforcement) => {
  const deployment = parseDeployment(
    { service: 's', defaults: { session, grants: ['/users/{sub}/*'] }, stages: { test: {} } },
    'test',
    { enforcement },
  )
  expect(distributionFragment(deployment).Resources?.Distribution).toMatchObject({ DependsOn: ['SigningKeys'] })
})
