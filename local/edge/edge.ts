import type { FunctionRequest } from '../../shared/cloudfront/function-event.ts'
import { readCookies } from './function-values.ts'
import type { NjsRequest } from './njs.ts'

/**
 * The edge, in njs: what CloudFront decides between a viewer's request and the origin's answer. nginx asks once for each
 * request (`decide`, in the rewrite phase), which names the location that goes on with it; that location lets nginx verify the
 * signature and fetch from the origin, and has the response's headers written (`finish`). One njs VM serves both.
 */
export { answerRefusal, finish, finishLink, finishPage, respond } from './answer.ts'
export { decide } from './decide.ts'
export { adopt, use } from './decided.ts'

/** The event's `cookies`. */
export function cookiesOf(r: NjsRequest): FunctionRequest['cookies'] {
  return readCookies(r.rawHeadersIn)
}
