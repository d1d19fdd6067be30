import type { Deployment } from '../shared/config/parse.ts'
import { revocationStateKey } from '../shared/revocation/state.ts'
import { bucketFragment } from './bucket.ts'
import { type CloudFrontFunctionCode, cloudFrontFunctionsFragment } from './cloudfront-functions.ts'
import { distributionFragment } from './distribution/distribution.ts'
import { cachePolicyFragment, originAccessControlFragment } from './distribution/origins.ts'
import { responseHeadersPolicyFragment } from './distribution/response-headers-policy.ts'
import { type Extensions, edgeFunctionExtensions } from './edge-function.ts'
import { keyFunctionExtensions, provisionStatements, rotateKeyStatements } from './key-functions.ts'
import { bucketKmsStatements, kmsSignStatements } from './kms.ts'
import { bucketArn, ids, resourceName, secretName } from './names.ts'
import { accessLogsFragment } from './operations/access-logs.ts'
import { alarmsFragment } from './operations/alarms.ts'
import { dashboardFragment } from './operations/dashboard.ts'
import { outputsFragment } from './outputs.ts'
import {
  apiStatements,
  publishRuleFragment,
  publishStatements,
  regionalFunctionExtensions,
} from './regional-functions.ts'
import { signingKeysFragment } from './signing-keys.ts'
import { composeFragments, type Fragment, type Resource, ref, sub } from './template.ts'

/** The `resources` section of serverless.yml. */
export interface StackResources extends Required<Fragment> {
  readonly extensions: Extensions
}

/** Everything in the stack beside the functions and their API, which `serverless.yml` declares. */
export function composeResources(deployment: Deployment, code: CloudFrontFunctionCode): StackResources {
  const template = composeFragments([
    signingKeysFragment(deployment),
    bucketFragment(deployment),
    cachePolicyFragment(deployment),
    responseHeadersPolicyFragment(deployment),
    originAccessControlFragment(deployment),
    keyValueStoreFragment(deployment),
    cloudFrontFunctionsFragment(deployment, code),
    rolesFragment(deployment),
    publishRuleFragment(deployment),
    distributionFragment(deployment),
    accessLogsFragment(deployment),
    alarmsFragment(deployment),
    dashboardFragment(deployment),
    outputsFragment(deployment),
  ])
  return {
    ...template,
    extensions: {
      ...edgeFunctionExtensions,
      ...regionalFunctionExtensions(deployment),
      ...keyFunctionExtensions(deployment),
    },
  }
}

/** Store of the stamp key and the revoked prefixes, for the guard. Its content is written after the deploy, never by the template. */
function keyValueStoreFragment(deployment: Deployment): Fragment {
  return {
    Resources: {
      [ids.keyValueStore]: {
        Type: 'AWS::CloudFront::KeyValueStore',
        Properties: { Name: resourceName(deployment, 'revocations'), Comment: 'Stamp key and revoked prefixes' },
      },
    },
  }
}

type Statement = Readonly<Record<string, unknown>>

/** One role for each function, with what that function does and nothing else. */
export function rolesFragment(deployment: Deployment): Fragment {
  return {
    Resources: {
      SessionFunctionRole: role(
        ['lambda.amazonaws.com', 'edgelambda.amazonaws.com'],
        [
          {
            Effect: 'Allow',
            Action: 'secretsmanager:GetSecretValue',
            // The id ends in a hyphen and six random characters; exactly six, or `keys-other` would match too.
            Resource: sub(
              `arn:\${AWS::Partition}:secretsmanager:us-east-1:\${AWS::AccountId}:secret:${secretName(deployment)}-??????`,
            ),
          },
          { Effect: 'Allow', Action: 's3:GetObject', Resource: bucketArn(deployment, revocationStateKey) },
          ...bucketKmsStatements(deployment, 'read'),
          ...kmsSignStatements(deployment),
        ],
      ),
      // Apart from the role, which the function needs before it has the name that CloudFormation makes. Lambda@Edge logs in the
      // Region where the viewer was served, under a name that starts with the home Region.
      SessionFunctionLogs: {
        Type: 'AWS::IAM::Policy',
        Properties: {
          PolicyName: 'logs',
          Roles: [ref('SessionFunctionRole')],
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [writeLogs('*', `us-east-1.\${${ids.sessionFunction}}`, ['logs:CreateLogGroup'])],
          },
        },
      },
      ApiFunctionRole: role(
        ['lambda.amazonaws.com'],
        [...apiStatements(deployment), writeLogs(`\${AWS::Region}`, resourceName(deployment, 'api'), [])],
      ),
      PublishFunctionRole: role(
        ['lambda.amazonaws.com'],
        [...publishStatements(deployment), writeLogs(`\${AWS::Region}`, resourceName(deployment, 'publish'), [])],
      ),
      ProvisionFunctionRole: role(
        ['lambda.amazonaws.com'],
        [...provisionStatements(deployment), writeLogs(`\${AWS::Region}`, resourceName(deployment, 'provision'), [])],
      ),
      RotateKeyFunctionRole: role(
        ['lambda.amazonaws.com'],
        [...rotateKeyStatements(deployment), writeLogs(`\${AWS::Region}`, resourceName(deployment, 'rotateKey'), [])],
      ),
    },
  }
}

function writeLogs(region: string, functionName: string, more: readonly string[]): Statement {
  return {
    Effect: 'Allow',
    Action: [...more, 'logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: sub(`arn:\${AWS::Partition}:logs:${region}:\${AWS::AccountId}:log-group:/aws/lambda/${functionName}:*`),
  }
}

function role(services: readonly string[], statements: readonly Statement[]): Resource {
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: services }, Action: 'sts:AssumeRole' }],
      },
      Policies: [{ PolicyName: 'function', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
    },
  }
}
