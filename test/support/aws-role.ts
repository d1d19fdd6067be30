import { AwsClient } from 'aws4fetch'
import type { ClientSettings } from '../../functions/provision/aws-stores.ts'
import type { AwsEmulator } from './aws-emulator.ts'

/** A statement as the template writes it: `Fn::Sub` where a name is known to CloudFormation only. */
type Statement = Readonly<Record<string, unknown>>

/**
 * Makes a role with these statements in an emulator that enforces them, and takes it on.
 *
 * @param references what stands behind `${Bucket}` and the like.
 * @returns settings for clients that may do what the role may, and nothing else.
 */
export async function assumeRole(
  aws: AwsEmulator,
  name: string,
  statements: readonly Statement[],
  references: Readonly<Record<string, string>>,
): Promise<ClientSettings> {
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: resolve(statements, references) })
  const trust = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [trust] })
  await call(aws, 'iam', { Action: 'CreateRole', RoleName: name, AssumeRolePolicyDocument })
  await call(aws, 'iam', { Action: 'PutRolePolicy', RoleName: name, PolicyName: 'function', PolicyDocument: policy })
  const RoleArn = `arn:aws:iam::000000000000:role/${name}`
  const answer = await call(aws, 'sts', { Action: 'AssumeRole', RoleArn, RoleSessionName: 'test' })
  const field = (tag: string) => new RegExp(`<${tag}>([^<]+)</${tag}>`).exec(answer)?.[1] ?? ''
  const credentials = {
    accessKeyId: field('AccessKeyId'),
    secretAccessKey: field('SecretAccessKey'),
    sessionToken: field('SessionToken'),
  }
  return { ...aws.settings, credentials }
}

async function call(aws: AwsEmulator, service: string, parameters: Record<string, string>): Promise<string> {
  const client = new AwsClient({
    accessKeyId: 'test',
    secretAccessKey: 'test',
    service,
    region: 'us-east-1',
    retries: 0,
  })
  const body = new URLSearchParams({ Version: service === 'iam' ? '2010-05-08' : '2011-06-15', ...parameters })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const response = await client.fetch(aws.endpoint, { method: 'POST', headers, body: body.toString() })
  const text = await response.text()
  if (!response.ok) throw new Error(`${parameters.Action}: ${response.status} ${text}`)
  return text
}

function resolve(value: unknown, references: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, references))
  if (typeof value !== 'object' || value === null) return value
  if ('Fn::Sub' in value) {
    return String(value['Fn::Sub']).replace(/\$\{([\w:.]+)\}/g, (_, name: string) => {
      const known = { 'AWS::Partition': 'aws', 'AWS::AccountId': '000000000000', ...references }[name]
      if (known === undefined) throw new Error(`nothing is known of \${${name}}`)
      return known
    })
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, references)]))
}
