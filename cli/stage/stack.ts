import type { Deployment } from '../../shared/config/parse.ts'
import { ConfigError } from '../../shared/errors.ts'
import { answerTime } from './answer-time.ts'
import { throughAws } from './aws-failure.ts'
import type { ClientSettings } from './client-settings.ts'

/** What CloudFormation knows of a deployed stage. */
export interface DeployedStack {
  /** `UPDATE_COMPLETE` and the like. */
  readonly status: string
  /** When it answered, by AWS's own clock, in epoch seconds; `undefined` where it did not say. */
  readonly answeredAt: number | undefined
  readonly outputs: ReadonlyMap<string, string>
}

/**
 * The stack of a stage. It is asked, and not the configuration, because a deployment's parameters may have named another
 * bucket, host or mode.
 *
 * @throws ConfigError where the stage is not deployed; UsageError without credentials; ServiceError.
 */
export async function readStack({ service, stage }: Deployment, settings: ClientSettings): Promise<DeployedStack> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation')
  const StackName = `${service}-${stage}`
  const client = new CloudFormationClient(settings)
  let answeredAt: number | undefined
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const { headers } = result.response as { readonly headers?: Readonly<Record<string, string>> }
      answeredAt = answerTime(headers?.date)
      return result
    },
    // The nearest to the network: it sees the answer as it came.
    { step: 'deserialize', priority: 'low' },
  )
  const stacks = await throughAws(async () => {
    try {
      return (await client.send(new DescribeStacksCommand({ StackName }))).Stacks
    } catch (error) {
      // CloudFormation has no error of its own for a stack that is not there.
      if (error instanceof Error && error.name === 'ValidationError') return []
      throw error
    }
  })
  const [stack] = stacks ?? []
  if (stack === undefined) {
    throw new ConfigError(`stage ${stage} is not deployed: this account has no stack ${StackName} (see AWS_PROFILE)`)
  }
  const outputs = (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue] as const)
  return { status: stack.StackStatus ?? 'unknown', answeredAt, outputs: new Map(outputs) }
}

/** @throws ConfigError where the stack was deployed by a version that did not have it. */
export function requireOutput({ outputs }: DeployedStack, name: string): string {
  const value = outputs.get(name)
  if (value === undefined) throw new ConfigError(`the stack has no output ${name}: deploy it again`)
  return value
}
