import type { Deployment } from '../shared/config/parse.ts'
import { bucketReference, ids } from './names.ts'
import { type Fragment, getAtt, type Resource, ref } from './template.ts'

/** Days between two rotations. Far more than a key needs to retire, so that the group's five places are never short. */
const rotationDays = 90
/** Seconds after which CloudFormation gives up on the provision function; the function itself answers in 120. */
const answerSeconds = 600

/**
 * Keys, key group and secret: a custom resource makes them and alone owns them, so no key ever stands in a template. Beside it,
 * the schedule on which Secrets Manager calls the rotation function.
 *
 * No cycle: the distribution needs the key group, and nothing here needs the distribution.
 */
export function signingKeysFragment(deployment: Deployment): Fragment {
  return {
    Resources: {
      [ids.signingKeys]: customResource(deployment),
      RotateKeyPermission: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: getAtt(ids.rotateKeyFunction, 'Arn'),
          Principal: 'secretsmanager.amazonaws.com',
          // Secrets of another account could otherwise name this function as theirs (confused deputy).
          SourceAccount: ref('AWS::AccountId'),
          SourceArn: getAtt(ids.signingKeys, 'SecretArn'),
        },
      },
      KeyRotation: {
        Type: 'AWS::SecretsManager::RotationSchedule',
        // Secrets Manager tries the function out when the schedule is set.
        DependsOn: ['RotateKeyPermission'],
        Properties: {
          SecretId: getAtt(ids.signingKeys, 'SecretArn'),
          RotationLambdaARN: getAtt(ids.rotateKeyFunction, 'Arn'),
          RotateImmediatelyOnUpdate: false,
          RotationRules: { AutomaticallyAfterDays: rotationDays },
        },
      },
    },
  }
}

/** The key group's id, for a distribution to trust. */
export function keyGroupId(): unknown {
  return getAtt(ids.signingKeys, 'KeyGroupId')
}

/** The ids of the public keys in that group, as one text: those of the last deploy. */
export function publicKeyIds(): unknown {
  return getAtt(ids.signingKeys, 'PublicKeyIds')
}

/** Puts the name of this deploy into the custom resource: without a difference CloudFormation would not call the function. */
export function nameDeployment<T extends { Resources: Record<string, Resource> }>(resources: T, name: string): T {
  const keys = resources.Resources[ids.signingKeys]
  if (keys === undefined) return resources
  const named = { ...keys, Properties: { ...keys.Properties, Deployment: name } }
  return { ...resources, Resources: { ...resources.Resources, [ids.signingKeys]: named } }
}

function customResource(deployment: Deployment): Resource {
  const { keys, session, bucketRegion } = deployment.config
  return {
    Type: 'Custom::SigningKeys',
    Properties: {
      ServiceToken: getAtt(ids.provisionFunction, 'Arn'),
      ServiceTimeout: answerSeconds,
      Algorithm: keys.algorithm,
      SessionSecret: session.algorithms.includes('HS256') ? 'shared' : 'none',
      KeyValueStoreArn: getAtt(ids.keyValueStore, 'Arn'),
      BucketName: bucketReference(deployment),
      BucketRegion: bucketRegion,
      Deployment: 'none',
    },
  }
}
