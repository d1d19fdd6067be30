import { endedName } from '../shared/assets/s3/location.ts'
import type { Deployment } from '../shared/config/parse.ts'
import { templateBehaviour } from '../shared/grant/template.ts'
import { revocationStateKey } from '../shared/revocation/state.ts'
import type { Extensions } from './edge-function.ts'
import { bucketKmsStatements, kmsSignStatements } from './kms.ts'
import { bucketArn, bucketReference, ids, secretName } from './names.ts'
import { type Fragment, getAtt, ref, sub } from './template.ts'

type Statement = Readonly<Record<string, unknown>>

/** Environment of the regional functions: what only CloudFormation knows. */
export function regionalFunctionExtensions(deployment: Deployment): Extensions {
  const { attach, hosts } = deployment.config
  const common = {
    BUCKET: bucketReference(deployment),
    ...(attach ? {} : { DISTRIBUTION_ID: ref(ids.distribution) }),
  }
  const host = hosts.primary ?? (attach ? undefined : getAtt(ids.distribution, 'DomainName'))
  return {
    [ids.apiFunction]: environment({
      ...common,
      ...(host === undefined ? {} : { CDN_HOST: host }),
      KEY_VALUE_STORE_ARN: getAtt(ids.keyValueStore, 'Arn'),
    }),
    [ids.publishFunction]: environment(common),
  }
}

/** EventBridge calls the publish function for each object that arrives in the incoming area. */
export function publishRuleFragment(deployment: Deployment): Fragment {
  return {
    Resources: {
      PublishRule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          Description: 'Uploads that arrived',
          EventPattern: {
            source: ['aws.s3'],
            'detail-type': ['Object Created'],
            detail: {
              bucket: { name: [bucketReference(deployment)] },
              object: { key: [{ prefix: `${deployment.config.keyPrefix}_incoming/` }] },
            },
          },
          Targets: [{ Id: 'publish', Arn: getAtt(ids.publishFunction, 'Arn') }],
        },
      },
      PublishPermission: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: getAtt(ids.publishFunction, 'Arn'),
          Principal: 'events.amazonaws.com',
          SourceArn: getAtt('PublishRule', 'Arn'),
        },
      },
    },
  }
}

/** Permissions of the API: its key document, revocations, assets below the granted prefixes and `public/`, the incoming area. */
export function apiStatements(deployment: Deployment): readonly Statement[] {
  return [
    {
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: sub(
        `arn:\${AWS::Partition}:secretsmanager:us-east-1:\${AWS::AccountId}:secret:${secretName(deployment)}-??????`,
      ),
    },
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: bucketArn(deployment, revocationStateKey) },
    {
      Effect: 'Allow',
      Action: [
        'cloudfront-keyvaluestore:DescribeKeyValueStore',
        'cloudfront-keyvaluestore:ListKeys',
        'cloudfront-keyvaluestore:UpdateKeys',
      ],
      Resource: sub(
        `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:key-value-store/\${${ids.keyValueStore}.Id}`,
      ),
    },
    {
      Effect: 'Allow',
      Action: [
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        's3:AbortMultipartUpload',
        's3:ListMultipartUploadParts',
      ],
      Resource: [...assetArns(deployment), incomingArn(deployment)],
    },
    endedStatement(deployment),
    listBucket(deployment),
    ...bucketKmsStatements(deployment, 'write'),
    ...kmsSignStatements(deployment),
    ...invalidate(deployment),
  ]
}

/** Permissions of the publish function: read and drop uploads, write assets, read revocations. No key, no secret. */
export function publishStatements(deployment: Deployment): readonly Statement[] {
  return [
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:DeleteObject'], Resource: incomingArn(deployment) },
    { Effect: 'Allow', Action: 's3:GetObject', Resource: bucketArn(deployment, revocationStateKey) },
    endedStatement(deployment),
    // GetObject: whether something is at the key already.
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: assetArns(deployment) },
    listBucket(deployment),
    ...bucketKmsStatements(deployment, 'write'),
    ...invalidate(deployment),
  ]
}

/** Uploads that ended are written down there. */
function endedStatement(deployment: Deployment): Statement {
  return { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: bucketArn(deployment, endedName('*')) }
}

/** Without ListBucket S3 answers 403 for a missing object, and an outage would look like an empty key. */
function listBucket(deployment: Deployment): Statement {
  return { Effect: 'Allow', Action: 's3:ListBucket', Resource: bucketArn(deployment) }
}

function invalidate({ config }: Deployment): readonly Statement[] {
  if (config.attach) return []
  return [
    {
      Effect: 'Allow',
      Action: 'cloudfront:CreateInvalidation',
      Resource: sub(`arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:distribution/\${${ids.distribution}}`),
    },
  ]
}

function assetArns(deployment: Deployment): readonly unknown[] {
  const patterns = deployment.config.grants.map((grant) => templateBehaviour(grant).slice(1))
  return [...new Set([...patterns, 'public/*'])].map((pattern) =>
    bucketArn(deployment, `${deployment.config.keyPrefix}${pattern}`),
  )
}

function incomingArn(deployment: Deployment): unknown {
  return bucketArn(deployment, `${deployment.config.keyPrefix}_incoming/*`)
}

function environment(variables: Readonly<Record<string, unknown>>) {
  return { Properties: { Environment: { Variables: variables } } }
}
