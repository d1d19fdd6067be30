import { expect, it } from 'vitest'
import { kmsSignStatements } from '../../../infra/kms-signing.ts'
import { rolesFragment } from '../../../infra/roles.ts'
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
