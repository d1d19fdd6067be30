import { bucketOwnerKey } from '../functions/provision/stores.ts'
import type { Deployment } from '../shared/config/parse.ts'
import { revocationStateKey } from '../shared/revocation/state.ts'
import type { Extensions } from './edge-function.ts'
import { bucketKmsStatements } from './kms.ts'
import { bucketArn, bucketReference, ids, secretName } from './names.ts'
import { getAtt, sub } from './template.ts'

type Statement = Readonly<Record<string, unknown>>

/** Environment of the rotation function; nothing here is secret. */
export function keyFunctionExtensions(deployment: Deployment): Extensions {
  const Variables = { BUCKET: bucketReference(deployment), KEY_VALUE_STORE_ARN: getAtt(ids.keyValueStore, 'Arn') }
  return { [ids.rotateKeyFunction]: { Properties: { Environment: { Variables } } } }
}

/** Permissions of the provision function: make, fill and remove the stage's keys, and fill the stack's stores. */
export function provisionStatements(deployment: Deployment): readonly Statement[] {
  return [
    ...keyStatements(deployment, ['CreateSecret', 'DeleteSecret', 'RestoreSecret', 'TagResource']),
    onKeys(['CreateKeyGroup', 'DeleteKeyGroup']),
    {
      Effect: 'Allow',
      Action: ['s3:PutObject', 's3:DeleteObject'],
      Resource: ['pages', 'files'].map((folder) =>
        bucketArn(deployment, `${deployment.config.keyPrefix}_edge/${folder}/*`),
      ),
    },
    ...revocationStatements(deployment),
    // A state that revokes nothing goes with the stage.
    { Effect: 'Allow', Action: 's3:DeleteObject', Resource: bucketArn(deployment, revocationStateKey) },
    {
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      Resource: bucketArn(deployment, bucketOwnerKey),
    },
  ]
}

/** Permissions of the rotation function: exchange the keys of the group, and drop revocations that have expired. */
export function rotateKeyStatements(deployment: Deployment): readonly Statement[] {
  return [...keyStatements(deployment, []), ...revocationStatements(deployment)]
}

function keyStatements(deployment: Deployment, more: readonly string[]): readonly Statement[] {
  const actions = ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage', ...more]
  const arn = `arn:\${AWS::Partition}:secretsmanager:us-east-1:\${AWS::AccountId}:secret:${secretName(deployment)}`
  return [
    {
      Effect: 'Allow',
      Action: actions.map((action) => `secretsmanager:${action}`),
      // The ARN ends in a hyphen and six random characters; exactly six, or `keys-other` would match too. A secret that is not
      // there yet has no such end, and asking for it would be denied instead of answered.
      Resource: [sub(arn), sub(`${arn}-??????`)],
    },
    onKeys(['CreatePublicKey', 'GetPublicKey', 'DeletePublicKey', 'ListPublicKeys']),
    onKeys(['GetKeyGroup', 'UpdateKeyGroup', 'ListKeyGroups']),
  ]
}

/**
 * IAM knows no resource for public keys and key groups: these actions take `*` only. The functions themselves touch what
 * bears the secret's id in its comment.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudfront.html
 */
function onKeys(actions: readonly string[]): Statement {
  return { Effect: 'Allow', Action: actions.map((action) => `cloudfront:${action}`), Resource: '*' }
}

function revocationStatements(deployment: Deployment): readonly Statement[] {
  return [
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: bucketArn(deployment, revocationStateKey) },
    // Without ListBucket S3 answers 403 for a missing object, and a first deploy would look like an outage.
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: bucketArn(deployment) },
    ...bucketKmsStatements(deployment, 'write'),
    {
      Effect: 'Allow',
      Action: ['DescribeKeyValueStore', 'ListKeys', 'UpdateKeys'].map((action) => `cloudfront-keyvaluestore:${action}`),
      Resource: sub(
        `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:key-value-store/\${${ids.keyValueStore}.Id}`,
      ),
    },
  ]
}
