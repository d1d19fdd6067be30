import type { NjsRequest } from './njs.ts'
import { originRange } from './range.ts'

/**
 * The edge, in njs: what CloudFront decides between a viewer's request and the origin's answer. nginx asks once for each
 * request (`decide`, in the rewrite phase), which names the location that goes on with it; that location lets nginx verify the
 * signature and fetch from the origin, and has the response's headers written (`finish`). One njs VM serves both.
 *
 * Every request takes this one way. Untrusted text is parsed once, at its beginning (`signature.ts`, `function-values.ts`), and
 * reaches nginx and the verifier as one variable and one header for each field.
 */
export { decide } from './decide.ts'
export { decided, use } from './decided.ts'
export { finish } from './finish.ts'

/** The range to ask a bucket for, as `$edge_range`. */
export function range(r: NjsRequest): string {
  const sent = r.headersIn.Range
  return sent === undefined ? '' : originRange(r.method, sent)
}
