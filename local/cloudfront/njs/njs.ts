/** The request object of njs in nginx, as far as the edge uses it (https://nginx.org/en/docs/njs/reference.html#http). */
export interface NjsRequest {
  readonly method: string
  readonly remoteAddress: string
  readonly headersIn: Readonly<Record<string, string | undefined>>
  readonly rawHeadersIn: ReadonlyArray<readonly [name: string, value: string]>
  readonly headersOut: Record<string, string | string[] | undefined>
  readonly rawHeadersOut: ReadonlyArray<readonly [name: string, value: string]>
  readonly variables: Record<string, string | undefined>
  status: number
  sendHeader(): void
  finish(): void
  return(status: number, body?: string): void
  error(message: string): void
  log(message: string): void
}

/**
 * Name of the nginx variable that holds a request header after a function's change. This file runs in njs: no classes, spread,
 * destructuring, default parameters.
 */
export function changedHeaderVariable(name: string): string {
  return `edge_changed_${name.replace(/-/g, '_')}`
}
