import type { EdgeClient } from './edge-client.ts'
import { ClientError } from './errors.ts'
import { settle } from './retry.ts'
import { type SendContext, senders } from './upload-senders.ts'
import { parseAsset, parseTicket, type Ticket, type UploadedAsset } from './upload-ticket.ts'

/** Options of an upload: a key, or a file name for which the service chooses a key. */
export interface UploadOptions {
  readonly key?: string
  readonly filename?: string
  /** Default: the type of the file. */
  readonly contentType?: string
  readonly visibility?: 'private' | 'public'
  readonly overwrite?: boolean
  /** Max concurrent parts; default 4. */
  readonly concurrency?: number
  /** Called with the bytes that have been sent; they can become fewer, when a request is repeated. */
  readonly onProgress?: (sentBytes: number, totalBytes: number) => void
  /** Store of tickets, by which an upload goes on after a reload; default `localStorage`, `null` for none. */
  readonly storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null
}

/** A running upload. */
export interface UploadTask {
  /** The published asset. Rejects with a `ClientError`, or `AbortError` after `abort()`. */
  readonly done: Promise<UploadedAsset>
  readonly state: 'running' | 'paused' | 'done' | 'failed'
  /** Ends the requests and keeps what has arrived. */
  pause(): void
  resume(): void
  /** Gives the upload up, and drops what has arrived. */
  abort(): void
}

/** Codes of an upload that the server no longer knows: a new ticket begins again. */
const ended = /^ERR_UPLOAD_(NOT_FOUND|USED|EXPIRED|REVOKED)$/

/**
 * Uploads a file: in one request, in parts or by tus, as the service says in its ticket.
 *
 * The ticket of a `File` is stored under its name, size, time and key until the upload is published. A later call with the same file
 * goes on with that ticket, after a reload too.
 *
 * @example
 * const task = upload(client, input.files[0], { key: 'users/alice/film.mp4', onProgress: (sent, total) => show(sent / total) })
 * const asset = await task.done
 */
export function upload(client: EdgeClient, file: Blob, options: UploadOptions = {}): UploadTask {
  const storage = options.storage === undefined ? browserStorage() : options.storage
  const name = storageName(client, file, options)
  const stop = new AbortController()
  let round = new AbortController()
  let state: UploadTask['state'] = 'running'
  let wake = () => {}
  let ticket: Ticket | undefined

  const remember = (changed: Ticket) => {
    ticket = changed
    // A ticket of one request cannot be resumed.
    if (name !== undefined && changed.protocol !== 'put') storage?.setItem(name, JSON.stringify(changed))
  }
  const forget = () => {
    if (name !== undefined) storage?.removeItem(name)
  }

  async function attempt(signal: AbortSignal): Promise<UploadedAsset> {
    const stored = ticket === undefined && name !== undefined ? storedTicket(storage?.getItem(name), file) : undefined
    ticket ??= stored
    if (ticket === undefined)
      remember(parseTicket(await client.call('POST', '/uploads', wish(file, options), signal), file))
    const context: SendContext = {
      client,
      file,
      signal,
      concurrency: Math.max(1, options.concurrency ?? 4),
      onProgress: (sent) => options.onProgress?.(sent, file.size),
      remember,
    }
    try {
      return parseAsset(await senders[(ticket as Ticket).protocol](ticket as Ticket, context))
    } catch (error) {
      const isGone = error instanceof ClientError && error.reason !== undefined && ended.test(error.reason)
      if (!isGone) throw error
      forget()
      ticket = undefined
      if (stored !== undefined) return attempt(signal)
      throw new ClientError('ERR_UPLOAD_ENDED', 'the upload has ended at the server: begin it again', {
        reason: error.reason,
        status: error.status,
      })
    }
  }

  const resumed = () =>
    settle(stop.signal, (resolve) => {
      wake = resolve
      return () => {}
    })

  async function run(): Promise<UploadedAsset> {
    for (;;) {
      try {
        if (state === 'paused') await resumed()
        const asset = await attempt(AbortSignal.any([stop.signal, round.signal]))
        forget()
        state = 'done'
        return asset
      } catch (error) {
        if (!stop.signal.aborted && state === 'paused') continue
        if (!stop.signal.aborted && round.signal.aborted) {
          round = new AbortController()
          continue
        }
        state = 'failed'
        if (!stop.signal.aborted) throw error
        forget()
        if (ticket !== undefined) await client.call('DELETE', `/uploads/${ticket.uploadId}`).catch(() => {})
        throw stop.signal.reason
      }
    }
  }

  const done = run()
  return {
    done,
    get state() {
      return state
    },
    pause() {
      if (state !== 'running') return
      state = 'paused'
      round.abort()
    },
    resume() {
      if (state !== 'paused') return
      state = 'running'
      round = new AbortController()
      wake()
    },
    abort() {
      if (state === 'running' || state === 'paused') stop.abort()
    },
  }
}

function wish(file: Blob, options: UploadOptions) {
  const { key, visibility, overwrite } = options
  const filename = options.filename ?? ('name' in file ? String(file.name) : 'file')
  return {
    ...(key === undefined ? { filename } : { key }),
    contentType: options.contentType ?? file.type,
    size: file.size,
    ...(visibility === undefined ? {} : { visibility }),
    ...(overwrite === undefined ? {} : { overwrite }),
  }
}

/** A blob without a name and time may be any other of the same size. */
function storageName({ api }: EdgeClient, file: Blob, options: UploadOptions): string | undefined {
  if (!('lastModified' in file) || !('name' in file)) return undefined
  const { key, filename, visibility, overwrite, contentType } = options
  const choice = [key, filename, visibility, overwrite, contentType ?? file.type]
  return `edge-signer upload ${JSON.stringify([api, file.name, file.size, file.lastModified, ...choice])}`
}

function storedTicket(text: string | null | undefined, file: Blob): Ticket | undefined {
  try {
    return typeof text === 'string' ? parseTicket(JSON.parse(text), file) : undefined
  } catch {
    return undefined
  }
}

/** `undefined` in workers, and where the browser blocks storage. */
function browserStorage(): UploadOptions['storage'] {
  try {
    return globalThis.localStorage
  } catch {
    return null
  }
}
