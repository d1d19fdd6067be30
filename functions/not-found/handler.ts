import type { FunctionResponse, ViewerRequestEvent } from '../../shared/cloudfront/function-event.ts'
import { generateProblem } from '../../shared/read/function-response.ts'
import type { NotFoundFunctionConfig } from './config.ts'

declare const __CONFIG__: NotFoundFunctionConfig

/**
 * Answers every path that no behaviour serves (viewer-request of the default behaviour, where there is no `appOrigin`).
 * The request goes no further: a default behaviour that reached the bucket would list every key at `/`.
 */
export function handler(event: ViewerRequestEvent): FunctionResponse {
  return generateProblem(__CONFIG__.problem, event.request, __CONFIG__.readers)
}
