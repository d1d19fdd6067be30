import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda'
import { createApp, readableEvent } from './app.ts'
import { createAwsServices } from './aws-services.ts'
import type { ApiFunctionConfig } from './config.ts'

/** Put in by the build: the stage's configuration, without secrets. */
declare const __CONFIG__: ApiFunctionConfig

const answer = handle(createApp(createAwsServices(__CONFIG__, process.env)))

/** AWS Lambda behind the HTTP API (payload format 2.0). */
export const handler = (event: LambdaEvent, context?: LambdaContext) => answer(readableEvent(event), context)
