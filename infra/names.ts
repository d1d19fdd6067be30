import type { Deployment } from '../shared/config/parse.ts'
import { keysSecretId } from '../shared/keys/key-secret.ts'
import { ref, sub } from './template.ts'

/** Logical ids that more than one fragment refers to. */
export const ids = {
  accessLogBucket: 'AccessLogBucket',
  alarmTopic: 'AlarmTopic',
  answersHeaders: 'AnswersResponseHeadersPolicy',
  apiFunction: 'ApiLambdaFunction',
  appHeaders: 'AppResponseHeadersPolicy',
  bucket: 'Bucket',
  distribution: 'Distribution',
  filesPageHeaders: 'FilesPageResponseHeadersPolicy',
  guard: 'GuardFunction',
  headers: 'HeadersFunction',
  httpApi: 'HttpApi',
  keyValueStore: 'KeyValueStore',
  notFound: 'NotFoundFunction',
  objectsCachePolicy: 'ObjectsCachePolicy',
  originAccessControl: 'OriginAccessControl',
  pagesHeaders: 'PagesResponseHeadersPolicy',
  privateHeaders: 'PrivateResponseHeadersPolicy',
  provisionFunction: 'ProvisionLambdaFunction',
  publishFunction: 'PublishLambdaFunction',
  publicHeaders: 'PublicResponseHeadersPolicy',
  rotateKeyFunction: 'RotateKeyLambdaFunction',
  sessionFunction: 'SessionLambdaFunction',
  /** Stands for the published version of the session function; the packaging plugin puts the generated id in its place. */
  sessionVersion: 'SessionFunctionVersion',
  signingKeys: 'SigningKeys',
} as const

/** `<service>-<stage>-<part>`: the name of a thing that AWS keeps unique in an account. */
export function resourceName(deployment: Deployment, part: string): string {
  return `${deployment.service}-${deployment.stage}-${part}`
}

/** Id of the secret that holds the key document. */
export function secretName(deployment: Deployment): string {
  return keysSecretId(deployment.service, deployment.stage)
}

/** Name of the bucket: the configured one, else ours with the account id. */
export function bucketName(deployment: Deployment): unknown {
  const { bucket } = deployment.config
  return bucket ?? sub(`${resourceName(deployment, '')}\${AWS::AccountId}`)
}

/** ARN of the bucket, or of one key in it. A bucket ARN has no Region and no account. */
export function bucketArn(deployment: Deployment, key?: string): unknown {
  const name = deployment.config.bucket ?? `\${${ids.bucket}}`
  return sub(`arn:\${AWS::Partition}:s3:::${name}${key === undefined ? '' : `/${key}`}`)
}

/** Name of the bucket as another resource should refer to it, so that CloudFormation keeps the order. */
export function bucketReference(deployment: Deployment): unknown {
  return deployment.config.bucket ?? ref(ids.bucket)
}
