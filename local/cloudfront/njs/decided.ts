import type { FunctionRequest, FunctionResponse } from '../../../shared/cloudfront/function-event.ts'
import type { RawTarget } from './path.ts'
import type { FunctionHandler } from './viewer-request.ts'

/**
 * What the handlers of one request share: njs makes a machine for each request, so a variable lives as long as one does.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

const functions = Object.create(null) as Record<string, () => FunctionHandler>

/** The deployed functions, by logical id; `load` runs the code of one, the first time. */
export function use(logicalId: string, load: () => FunctionHandler): void {
  functions[logicalId] = load
}

/** One of them. */
export function loaderOf(logicalId: string): (() => FunctionHandler) | undefined {
  return functions[logicalId]
}

/** What `decide` leaves for the handlers that run later in the same request. */
export interface Decided {
  target: RawTarget
  request: FunctionRequest | undefined
  /** What a viewer-request function answers with. */
  response: FunctionResponse | undefined
  /** The status for a function that failed. */
  failure: number
}

export const decided: Decided = {
  target: { path: '/', querystring: '' },
  request: undefined,
  response: undefined,
  failure: 500,
}

/** Forgets what an earlier decision on the same request left, as after a redirect inside nginx. */
export function startDecision(target: RawTarget): void {
  decided.target = target
  decided.request = undefined
  decided.response = undefined
}
