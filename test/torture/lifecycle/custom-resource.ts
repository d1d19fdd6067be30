import { openAwsStores } from '../../../functions/provision/aws-stores.ts'
import { createProvisionHandler } from '../../../functions/provision/create-handler.ts'
import type { KeyAlgorithm } from '../../../shared/keys/key-algorithm.ts'
import type { Simulation } from './simulation.ts'

/** The answer to CloudFormation. */
export interface Answer {
  readonly Status: 'SUCCESS' | 'FAILED'
  readonly Reason?: string
  readonly Data?: Readonly<Record<string, string>>
}

/** Properties of the custom resource that scenarios change. */
export interface Properties {
  readonly Algorithm: KeyAlgorithm
  readonly SessionSecret: 'none' | 'shared'
  readonly BucketName: string
}

/** A stack, with the properties and the name of one deployment. */
export interface Deployed {
  readonly id: string
  readonly properties: Properties
  readonly deployment: string
}

/** CloudFormation's requests. */
export type RequestType = 'Create' | 'Update' | 'Delete'

const service = 'svc'
/** Names of the stage under test. */
export const secretId = `${service}/dev/keys`
export const name = `${service}-dev`
export const keyValueStoreArn = 'arn:aws:cloudfront::000000000000:key-value-store/kvs'
const pages = [{ key: '_edge/pages/403.html', contentType: 'text/html', text: '<!doctype html>' }]

/** Lambda runs an event again whose process died, twice. */
export const invocations = 3

/** The reason of a request that nobody answered: each run of the function died. */
export const timedOut = 'timed out'

/** One request of CloudFormation, delivered by Lambda until a process lives long enough to answer. */
export async function sendRequest(
  simulation: Simulation,
  type: RequestType,
  to: Deployed,
  from?: Deployed,
): Promise<Answer> {
  const event = {
    ...{ RequestType: type, StackId: to.id, RequestId: 'request' },
    ...{ LogicalResourceId: 'SigningKeys', ResponseURL: 'https://answer' },
    ResourceProperties: resource(to),
    ...(from === undefined ? {} : { OldResourceProperties: resource(from) }),
  }
  simulation.tell(`CloudFormation: ${type}`)
  for (let run = 1; run <= invocations; run++) {
    let answer: Answer | undefined
    const ending = await simulation.spawn(`provision:${type}`, async (actor) => {
      const fetchAnswer = async (_url: unknown, init?: { body?: unknown }) => {
        answer = JSON.parse(String(init?.body)) as Answer
        return new Response()
      }
      const world = {
        ...{ clock: actor.clock, startTimer: actor.startTimer, report: actor.report },
        openStores: (signal?: AbortSignal) => openAwsStores(secretId, actor.clients, signal),
        fetch: fetchAnswer as typeof fetch,
      }
      const handler = createProvisionHandler({ name, bucketOwner: `${service}/dev`, secretId, pages }, world)
      const end = simulation.now + 120_000
      const getRemainingTimeInMillis = () => end - simulation.now
      await handler(event, { logStreamName: 'log', getRemainingTimeInMillis })
    })
    if (answer !== undefined) {
      simulation.tell(`CloudFormation: is answered ${answer.Status} ${answer.Reason ?? ''}`)
      return answer
    }
    if (ending !== 'crashed') throw new Error(`provision gave no answer: ${JSON.stringify(ending)}`)
    await simulation.sleep(60_000)
  }
  return { Status: 'FAILED', Reason: timedOut }
}

function resource({ properties, deployment }: Deployed) {
  return {
    ...{ ServiceToken: 'provision', KeyValueStoreArn: keyValueStoreArn, BucketRegion: 'us-east-1' },
    ...{ Deployment: deployment },
    ...properties,
  }
}
