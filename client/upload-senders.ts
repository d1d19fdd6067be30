import type { EdgeClient } from './edge-client.ts'
import { ClientError } from './errors.ts'
import { withRetries } from './retry.ts'
import type { Ticket } from './upload-ticket.ts'

/** Surroundings of one attempt to send a file. */
export interface SendContext {
  readonly client: EdgeClient
  readonly file: Blob
  readonly signal: AbortSignal
  readonly concurrency: number
  readonly onProgress: (sentBytes: number) => void
  /** Stores the ticket with what has been learnt since. */
  readonly remember: (ticket: Ticket) => void
}

/** Sends the file in the way of its ticket, and returns the answer that published it. */
export const senders: {
  readonly [Protocol in Ticket['protocol']]: (ticket: Ticket, context: SendContext) => Promise<unknown>
} = { put: sendWhole, multipart: sendParts, tus: sendByTus }

async function sendWhole(ticket: Ticket, context: SendContext): Promise<unknown> {
  if (ticket.protocol !== 'put') return undefined
  const { client, file, signal, onProgress } = context
  await withRetries(() => put(ticket.url, ticket.headers, file, signal, onProgress), client.timing, signal)
  return client.call('POST', `/uploads/${ticket.uploadId}/confirm`, {}, signal)
}

/** URLs asked for at once. They live for minutes, so not for the whole file. */
const urlBatch = 50
/** Fresh URLs for one part, before its refusals count as final. */
const maxSignings = 3

/**
 * Sends the parts that the service has not got yet. A part URL that has expired is refused with 403; then fresh ones are asked for.
 * Complete names no parts: the service compares what has arrived with the ticket.
 */
async function sendParts(ticket: Ticket, context: SendContext): Promise<unknown> {
  if (ticket.protocol !== 'multipart') return undefined
  const { client, file, onProgress } = context
  const over = new AbortController()
  const signal = AbortSignal.any([context.signal, over.signal])
  const { uploadId, partSize, partCount } = ticket
  const path = `/uploads/${uploadId}`
  const sizeOf = (part: number) => Math.min(partSize, file.size - (part - 1) * partSize)
  const arrived = partsOf(await client.call('GET', `${path}/parts`, undefined, signal))
  const missing: number[] = []
  for (let part = 1; part <= partCount; part++) if (arrived.get(part) !== sizeOf(part)) missing.push(part)
  let sent = file.size - missing.reduce((sum, part) => sum + sizeOf(part), 0)
  const running = new Map<number, number>()
  const tell = () => onProgress(sent + [...running.values()].reduce((sum, bytes) => sum + bytes, 0))
  tell()

  const urls = new Map<number, string>()
  let next = 0
  let signing: Promise<void> | undefined
  const urlOf = async (part: number): Promise<string> => {
    while (!urls.has(part)) {
      signing ??= (async () => {
        const partNumbers = [...new Set([part, ...missing.slice(next, next + urlBatch - 1)])]
        const answer = await client.call('POST', `${path}/parts`, { partNumbers }, signal)
        for (const [number, url] of urlsOf(answer)) urls.set(number, url)
        if (!urls.has(part)) throw new ClientError('ERR_RESPONSE_INVALID', 'no URL for a part')
      })().finally(() => {
        signing = undefined
      })
      await signing
    }
    return urls.get(part) ?? ''
  }
  const sendPart = async (part: number, signings = 1): Promise<void> => {
    const url = await urlOf(part)
    const start = (part - 1) * partSize
    const body = file.slice(start, start + sizeOf(part))
    const told = (bytes: number) => {
      running.set(part, bytes)
      tell()
    }
    try {
      await withRetries(() => put(url, {}, body, signal, told), client.timing, signal)
    } catch (error) {
      running.delete(part)
      if (!(error instanceof ClientError) || error.status !== 403 || signings >= maxSignings) throw error
      if (urls.get(part) === url) urls.clear()
      return sendPart(part, signings + 1)
    }
    urls.delete(part)
    running.delete(part)
    sent += sizeOf(part)
    tell()
  }
  const work = async () => {
    while (next < missing.length) await sendPart(missing[next++] as number)
  }
  try {
    await Promise.all(Array.from({ length: context.concurrency }, work))
  } finally {
    over.abort()
  }
  return client.call('POST', `${path}/complete`, {}, context.signal)
}

/** The upload is that of the ticket: an earlier one of the same file, which tus-js-client would find, is not asked for. */
async function sendByTus(ticket: Ticket, context: SendContext): Promise<unknown> {
  if (ticket.protocol !== 'tus') return undefined
  const { client, file, signal, onProgress, remember } = context
  const { Upload } = await import('tus-js-client').catch((cause: unknown) => {
    throw new ClientError('ERR_TUS_MISSING', 'install tus-js-client: this service takes uploads by tus', { cause })
  })
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(file, {
      endpoint: ticket.url,
      uploadUrl: ticket.uploadUrl ?? null,
      metadata: { ...ticket.metadata },
      storeFingerprintForResuming: false,
      retryDelays: [0, 1000, 3000, 5000, 10_000],
      onProgress: (bytes) => onProgress(bytes),
      onUploadUrlAvailable: () => remember({ ...ticket, uploadUrl: upload.url ?? undefined }),
      onSuccess: () => end(resolve),
      onError: (error) => {
        const status = 'originalResponse' in error ? error.originalResponse?.getStatus() : undefined
        const code = status === undefined ? 'ERR_NETWORK' : 'ERR_REFUSED'
        const reason = status === 404 || status === 410 ? 'ERR_UPLOAD_NOT_FOUND' : undefined
        end(() => reject(new ClientError(code, 'the tus upload failed', { status, reason })))
      },
    })
    const abort = () => void upload.abort().finally(() => end(() => reject(signal.reason)))
    const end = (then: () => void) => {
      signal.removeEventListener('abort', abort)
      then()
    }
    signal.addEventListener('abort', abort)
    upload.start()
  })
  return client.call('POST', `/uploads/${ticket.uploadId}/confirm`, {}, signal)
}

/** PUT without credentials: the URL is signed. XMLHttpRequest tells how much has been sent; `fetch` does not. */
function put(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Blob,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const request = new XMLHttpRequest()
    request.open('PUT', url)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    const abort = () => request.abort()
    signal.addEventListener('abort', abort)
    request.upload.onprogress = ({ loaded }) => onProgress(Math.min(loaded, body.size))
    request.onloadend = () => {
      signal.removeEventListener('abort', abort)
      const { status } = request
      if (status >= 200 && status < 300) resolve()
      else if (signal.aborted) reject(signal.reason)
      else if (status === 0) reject(new ClientError('ERR_NETWORK', 'no answer to the upload'))
      else {
        const code = status === 429 || status >= 500 ? 'ERR_UNAVAILABLE' : 'ERR_REFUSED'
        reject(new ClientError(code, `the store answered ${status}`, { status }))
      }
    }
    request.send(body)
  })
}

function partsOf(answer: unknown): Map<number, number> {
  const rows = rowsOf(answer).map(({ partNumber, size }): [number, number] => [Number(partNumber), Number(size)])
  return new Map(rows)
}

function urlsOf(answer: unknown): [number, string][] {
  return rowsOf(answer).map(({ partNumber, url }) => [Number(partNumber), String(url)])
}

function rowsOf(answer: unknown): readonly Readonly<Record<string, unknown>>[] {
  const { parts } = (answer ?? {}) as { parts?: unknown }
  if (!Array.isArray(parts) || parts.length > 10_000)
    throw new ClientError('ERR_RESPONSE_INVALID', 'the answer about parts has another form')
  return parts.filter((part) => typeof part === 'object' && part !== null)
}
