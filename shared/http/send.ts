/** A request that this service makes of another one. */
export interface OutgoingRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** The whole of its answer. A redirect is an answer like any other: it is not followed. */
export interface Answer {
  readonly status: number
  /** Read as UTF-8. */
  readonly body: string
}

/**
 * Sends a request and reads its answer to the end, within `timeoutMs`.
 *
 * @throws Error for a fault of the network, an answer that is too long, and when the time is over.
 */
export type Send = (request: OutgoingRequest, timeoutMs: number) => Promise<Answer>
