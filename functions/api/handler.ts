import { handle } from 'hono/aws-lambda'
import { createApp } from './app.ts'

/** AWS Lambda behind the HTTP API (payload format 2.0). */
export const handler = handle(createApp())
