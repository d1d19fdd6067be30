import { describe, expect, it } from 'vitest'
import {
  apiStatements,
  publishRuleFragment,
  publishStatements,
  regionalFunctionExtensions,
} from '../../../infra/regional-functions.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'

const session = { algorithms: ['HS256' as const], issuer: null, audience: null }
const defaults = { session, grants: ['/users/{sub}/*', '/teams/{claims.team}/shared/*'] }
const deployment = (changes: Record<string, unknown> = {}) =>
  parseDeployment({ service: 'svc', defaults, stages: { test: {} } }, 'test', changes)
const text = (value: unknown) => JSON.stringify(value)

describe('the publish rule', () => {
  it('matches what arrives in the incoming area of this bucket, and nothing else', () => {
    const { PublishRule, PublishPermission } = publishRuleFragment(deployment({ keyPrefix: 'a/' })).Resources ?? {}
    expect(PublishRule?.Properties.EventPattern).toEqual({
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: { bucket: { name: [{ Ref: 'Bucket' }] }, object: { key: [{ prefix: 'a/_incoming/' }] } },
    })
    expect(PublishPermission?.Properties.SourceArn).toEqual({ 'Fn::GetAtt': ['PublishRule', 'Arn'] })
  })
})

describe('the roles', () => {
  it('reach the granted prefixes, public/ and the incoming area below the key prefix, and no other key', () => {
    const arns = [...text(apiStatements(deployment({ keyPrefix: 'a/' }))).matchAll(/s3:::\$\{Bucket\}\/([^"]+)/g)]
    expect(new Set(arns.map(([, key]) => key))).toEqual(
      new Set(['_state/revocations.json', '_state/ended/*', 'a/users/*', 'a/teams/*', 'a/public/*', 'a/_incoming/*']),
    )
  })

  it('write revocations to this KeyValueStore and this state object, and create neither', () => {
    const statements = apiStatements(deployment())
    const onStore = statements.filter(({ Action }) => text(Action).includes('keyvaluestore'))
    expect(onStore.map(({ Resource }) => Resource)).toEqual([
      { 'Fn::Sub': `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:key-value-store/\${KeyValueStore.Id}` },
    ])
    const onState = statements.filter(({ Resource }) => text(Resource).includes('_state/revocations'))
    expect(onState.flatMap(({ Action }) => Action)).toEqual(['s3:GetObject', 's3:PutObject'])
  })

  it('of publishing reads no secret, changes no revocation, and deletes nothing that was published', () => {
    const statements = publishStatements(deployment())
    expect(text(statements)).not.toContain('secretsmanager')
    const onState = statements.filter(({ Resource }) => text(Resource).includes('_state/revocations'))
    expect(onState.flatMap(({ Action }) => Action)).toEqual(['s3:GetObject'])
    const deleting = statements.filter((statement) => text(statement.Action).includes('DeleteObject'))
    expect(deleting.map(({ Resource }) => text(Resource))).toEqual([
      text({ 'Fn::Sub': `arn:\${AWS::Partition}:s3:::\${Bucket}/_incoming/*` }),
    ])
  })

  it('invalidate this distribution, and none where it is somebody else’s', () => {
    expect(text(apiStatements(deployment()))).toContain(`distribution/\${Distribution}`)
    expect(text(apiStatements(deployment({ attach: true })))).not.toMatch(/distribution|Invalidation/)
  })
})

describe('the environment', () => {
  const keyValueStoreArn = { 'Fn::GetAtt': ['KeyValueStore', 'Arn'] }
  const variables = (changes = {}) => {
    const api = regionalFunctionExtensions(deployment(changes)).ApiLambdaFunction as {
      Properties: { Environment: { Variables: unknown } }
    }
    return api.Properties.Environment.Variables
  }
  it('names bucket, distribution and host', () => {
    expect(variables()).toEqual({
      BUCKET: { Ref: 'Bucket' },
      DISTRIBUTION_ID: { Ref: 'Distribution' },
      CDN_HOST: { 'Fn::GetAtt': ['Distribution', 'DomainName'] },
      KEY_VALUE_STORE_ARN: keyValueStoreArn,
    })
    expect(
      variables({ bucket: 'my-bucket', bucketRegion: 'eu-west-1', cdnHost: 'cdn.example.com', attach: true }),
    ).toEqual({
      BUCKET: 'my-bucket',
      CDN_HOST: 'cdn.example.com',
      KEY_VALUE_STORE_ARN: keyValueStoreArn,
    })
    expect(variables({ attach: true })).toEqual({ BUCKET: { Ref: 'Bucket' }, KEY_VALUE_STORE_ARN: keyValueStoreArn })
  })
})
