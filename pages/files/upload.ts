import { ApiError, call } from './api.ts'

/**
 * Sends one file: asks for a ticket, sends the bytes in the way that the ticket names (`put`, `multipart` or `tus`), and publishes.
 * An upload can be resumed after a failure and after a reload, from its `Progress`: parts and tus go on where they stopped.
 */

/** An upload ticket of the API. */
interface Ticket {
  readonly uploadId: string
  readonly protocol: 'put' | 'multipart' | 'tus'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly partSize: number
  readonly partCount: number
}

/** State of an upload that outlives a reload. */
export interface Progress {
  readonly ticket: Ticket
  /** Address of a tus upload. */
  readonly location?: string
}

/** Callbacks and limits of an upload. */
export interface UploadOptions {
  readonly key: string
  readonly overwrite: boolean
  readonly progress: Progress | undefined
  readonly signal: AbortSignal
  /** Called with the bytes that have arrived. */
  readonly onBytes: (sent: number) => void
  /** Called when there is something to resume from. */
  readonly onProgress: (progress: Progress) => void
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })

/** Sends a file, and resolves when it can be read at its key. @throws ApiError, or the reason of `signal`. */
export async function upload(file: File, options: UploadOptions): Promise<void> {
  const { key, overwrite, signal } = options
  let progress = options.progress
  if (progress === undefined) {
    const asked = { key, contentType: file.type, size: file.size, overwrite }
    progress = { ticket: await call<Ticket>('POST', '/api/uploads', asked, signal) }
    options.onProgress(progress)
  }
  const { ticket } = progress
  const address = `/api/uploads/${encodeURIComponent(ticket.uploadId)}`
  if (ticket.protocol === 'multipart') {
    await sendParts(file, ticket, address, options)
    await call('POST', `${address}/complete`, {}, signal)
    return
  }
  if (ticket.protocol === 'tus') await sendTus(file, progress, options)
  else await retry(signal, () => put(ticket.url, file, ticket.headers, signal, options.onBytes))
  await retry(signal, () => call('POST', `${address}/confirm`, {}, signal))
}

/** Uploads an empty object. */
export function uploadEmpty(key: string): Promise<void> {
  const { signal } = new AbortController()
  const nothing = { onBytes: () => {}, onProgress: () => {} }
  return upload(new File([], 'empty'), { key, overwrite: false, progress: undefined, signal, ...nothing })
}

/** Gives an upload up; what has arrived is dropped. */
export async function abandon({ ticket }: Progress): Promise<void> {
  await call('DELETE', `/api/uploads/${encodeURIComponent(ticket.uploadId)}`)
}

async function sendTus(file: File, progress: Progress, options: UploadOptions): Promise<void> {
  const { ticket } = progress
  const { signal } = options
  const version = { 'tus-resumable': '1.0.0' }
  let location = progress.location
  if (location === undefined) {
    const length = { 'upload-length': String(file.size) }
    const created = await request('POST', ticket.url, { ...ticket.headers, ...version, ...length }, null, signal)
    location = new URL(created.header('location') ?? '', new URL(ticket.url, document.baseURI)).href
    options.onProgress({ ticket, location })
    if (file.size === 0) return
  }
  const target = location
  let isFirst = progress.location === undefined
  await retry(signal, async () => {
    const offset = isFirst
      ? 0
      : Number((await request('HEAD', target, version, null, signal)).header('upload-offset') ?? Number.NaN)
    isFirst = false
    if (!(offset >= 0 && offset <= file.size)) throw new ApiError('ERR_UPLOAD_NOT_FOUND', 404, 'The upload has ended.')
    if (offset === file.size) return
    const headers = { ...version, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' }
    await request('PATCH', target, headers, file.slice(offset), signal, (sent) => options.onBytes(offset + sent))
  })
  options.onBytes(file.size)
}

async function sendParts(file: File, ticket: Ticket, address: string, options: UploadOptions): Promise<void> {
  const { signal, onBytes } = options
  const sizeOf = (part: number) => Math.min(ticket.partSize, file.size - (part - 1) * ticket.partSize)
  const sent = new Map<number, number>()
  const report = () => onBytes([...sent.values()].reduce((sum, bytes) => sum + bytes, 0))
  const stored = await call<{ parts: { partNumber: number; size: number }[] }>(
    'GET',
    `${address}/parts`,
    undefined,
    signal,
  )
  for (const { partNumber, size } of stored.parts) if (size === sizeOf(partNumber)) sent.set(partNumber, size)
  report()
  const waiting = Array.from({ length: ticket.partCount }, (_, index) => index + 1).filter((part) => !sent.has(part))
  const lane = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const number = part
      // The URL is asked for again on each try: an expired one is the usual reason of a failure.
      await retry(signal, async () => {
        const asked = { partNumbers: [number] }
        const { parts } = await call<{ parts: { url: string }[] }>('POST', `${address}/parts`, asked, signal)
        const start = (number - 1) * ticket.partSize
        await put(parts[0]?.url ?? '', file.slice(start, start + sizeOf(number)), {}, signal, (bytes) => {
          sent.set(number, bytes)
          report()
        })
        sent.set(number, sizeOf(number))
      })
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
}

async function put(
  url: string,
  body: Blob,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  onBytes: (sent: number) => void,
): Promise<void> {
  await request('PUT', url, headers, body, signal, onBytes)
}

/** Tries again while the connection or the server fails: after 1, 2, 4, … seconds, and at once when the browser is back online. */
async function retry<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      const passes = error instanceof ApiError && (error.status === 0 || error.status === 423 || error.status >= 500)
      if (!passes || tries === 6) throw error
      await Promise.race([pause(Math.min(1000 * 2 ** tries, 15_000), signal), backOnline()])
    }
  }
}

function backOnline(): Promise<void> {
  return new Promise((resolve) => addEventListener('online', () => resolve(), { once: true }))
}

/** `XMLHttpRequest`, because `fetch` tells nothing about the progress of a body. */
function request(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Blob | null,
  signal: AbortSignal,
  onBytes: (sent: number) => void = () => {},
): Promise<{ header(name: string): string | null }> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open(method, url)
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = ({ loaded }) => onBytes(loaded)
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) return resolve({ header: (name) => xhr.getResponseHeader(name) })
      reject(new ApiError(codeOf(xhr), xhr.status, `The upload was refused (${xhr.status}). Try again.`))
    }
    xhr.onerror = () => reject(new ApiError('ERR_OFFLINE', 0, 'The connection was lost. Try again.'))
    signal.addEventListener('abort', () => {
      xhr.abort()
      reject(signal.reason)
    })
    if (signal.aborted) return reject(signal.reason)
    xhr.send(body)
  })
}

function codeOf({ responseText }: XMLHttpRequest): string {
  try {
    return String((JSON.parse(responseText) as { code?: unknown }).code ?? 'ERR_UPLOAD')
  } catch {
    return 'ERR_UPLOAD'
  }
}
