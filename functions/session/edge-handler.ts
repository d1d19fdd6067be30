import type { CloudFrontRequestEvent, CloudFrontRequestResult, Context } from 'aws-lambda'
import { problemResponse } from '../../shared/http/problem.ts'
import type { SessionFunctionConfig } from './config.ts'
import { fromCloudFront, letPass, toCloudFront } from './event.ts'
import { logRefusal } from './refusal.ts'
import { answer } from './routes.ts'
import { createSessionServices, type SessionServices, type SessionStores } from './services.ts'

/** What the handler needs from its surroundings. */
export interface EdgeSurroundings {
  /** Opens the stores; called once, at the first request, which is the first to know the account. */
  readonly openStores: (accountId: string) => SessionStores
  readonly nowMs: () => number
  /** A number from 0 up to 1. */
  readonly random: () => number
}

/** The signature of the Lambda function. */
export type EdgeHandler = (
  event: CloudFrontRequestEvent,
  context: Pick<Context, 'invokedFunctionArn'>,
) => Promise<NonNullable<CloudFrontRequestResult>>

/** Makes the handler. Promises to resolve, whatever comes: what is thrown to CloudFront is a 503 that says nothing. */
export function createEdgeHandler(config: SessionFunctionConfig, surroundings: EdgeSurroundings): EdgeHandler {
  let services: SessionServices | undefined
  return async (event, context) => {
    try {
      const edge = fromCloudFront(event)
      services ??= createSessionServices(
        config,
        surroundings.openStores(accountOf(context.invokedFunctionArn)),
        surroundings.random,
      )
      const answered = await answer(edge, services, Math.floor(surroundings.nowMs() / 1000))
      return 'status' in answered ? toCloudFront(answered) : letPass(event, answered)
    } catch {
      logRefusal('ERR_INTERNAL', event?.Records?.[0]?.cf?.config?.requestId ?? 'none')
      return toCloudFront(problemResponse('ERR_INTERNAL', [['cross-origin-resource-policy', config.corp]]))
    }
  }
}

/** `arn:aws:lambda:us-east-1:123456789012:function:name:1` → `123456789012`. */
function accountOf(functionArn: string): string {
  return functionArn.split(':')[4] ?? ''
}
