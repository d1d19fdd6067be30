/** Codes of `ClientError`, one for each thing that a program can do about an error. */
export type ClientErrorCode =
  /** There is no app session, or it has ended: sign in. */
  | 'ERR_SIGNED_OUT'
  /** The session is good and does not open this, or its cookies did not stay in the browser. */
  | 'ERR_FORBIDDEN'
  | 'ERR_NOT_FOUND'
  /** No answer came, after every retry. */
  | 'ERR_NETWORK'
  /** 429 or 5xx, after every retry. */
  | 'ERR_UNAVAILABLE'
  /** The server refused the request itself; `reason` has its code. */
  | 'ERR_REFUSED'
  /** The answer is not what the protocol allows, such as HTML in place of JSON. */
  | 'ERR_RESPONSE_INVALID'
  /** The file has another ETag or size than at the first read: open a new reader. */
  | 'ERR_FILE_CHANGED'
  /** The server sent the whole file for a range. */
  | 'ERR_RANGE_IGNORED'
  /** Something on the way compressed or rewrote the bytes. */
  | 'ERR_TRANSFORMED'
  /** The body is shorter or longer than the answer says. */
  | 'ERR_BODY_SIZE'
  /** An offset, length or option is not a usable number. */
  | 'ERR_ARGUMENT'
  | 'ERR_CLOSED'
  /** A manifest breaks the rules of the chunked form. */
  | 'ERR_MANIFEST_INVALID'
  /** A chunk has another SHA-256 than its manifest says. */
  | 'ERR_CHUNK_CORRUPT'
  /** The upload was given up, here or at the server. */
  | 'ERR_UPLOAD_ENDED'
  /** tus-js-client is not installed. */
  | 'ERR_TUS_MISSING'

/** Details of an error, as far as an answer had them. */
export interface ClientErrorDetails {
  readonly status?: number | undefined
  /** The server's own code, such as `ERR_SESSION_EXPIRED`. */
  readonly reason?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** Every error of this library but `AbortError`, which is the signal's own reason. Branch on `code`. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  readonly status: number | undefined
  readonly reason: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(
    code: ClientErrorCode,
    message: string,
    { status, reason, retryAfterMs, cause }: ClientErrorDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

/** Reads the code of a problem document, and nothing else of the body: the text is the server's. */
async function reasonOf(response: Response): Promise<string | undefined> {
  if (!/json/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel()
    return undefined
  }
  const body: unknown = await response.json().catch(() => undefined)
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined
  return typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code) ? code : undefined
}

/** Turns an answer that is no success into its error; reads the body to its end. */
export async function errorOf(response: Response): Promise<ClientError> {
  const { status } = response
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfterMs = seconds >= 0 ? Math.min(seconds, 60) * 1000 : undefined
  const details = { status, reason: await reasonOf(response), retryAfterMs }
  if (status === 401) return new ClientError('ERR_SIGNED_OUT', 'no valid session: sign in', details)
  if (status === 403) return new ClientError('ERR_FORBIDDEN', 'the session does not open this address', details)
  if (status === 404) return new ClientError('ERR_NOT_FOUND', 'nothing is at this address', details)
  if (status === 429 || status >= 500)
    return new ClientError('ERR_UNAVAILABLE', `the server answered ${status}: try again later`, details)
  return new ClientError('ERR_REFUSED', `the server answered ${status}`, details)
}
