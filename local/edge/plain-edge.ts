import type { FunctionRequest, FunctionValues } from '../../shared/cloudfront/function-event.ts'
import type { NjsRequest } from './njs.ts'

/** What is known of a behaviour when the emulation starts. */
export interface PlainBehaviour {
  readonly signed: boolean
  /** Gives the function, loading it the first time. */
  readonly viewerRequest: (() => Handler) | null
  readonly viewerResponse: (() => Handler) | null
  /** The response headers policy for a request without `Origin`. */
  readonly setHeaders: (headers: FunctionValues) => void
}

/** A deployed function. */
export type Handler = (event: unknown) => unknown

/** The whole edge, as far as it is called from here. */
export interface WholeEdge {
  decide(r: NjsRequest): void
  finish(r: NjsRequest): void
  /** Tells what was decided here. */
  adopt(path: string, request: FunctionRequest): void
  cookiesOf(r: NjsRequest): FunctionValues
}

/** What the short way knows without asking; made by `build.ts`. */
export interface PlainEdge {
  readonly distributionId: string
  readonly keyGroupGenerationFile: string
  readonly behaviour: (index: number) => PlainBehaviour
  /** Loads the whole edge the first time. */
  readonly whole: () => WholeEdge
}
