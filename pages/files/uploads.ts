import { type ApiError, asApiError } from './api.ts'
import { abandon, type Progress, upload } from './upload.ts'

const lanes = 3
const storageKey = 'files uploads'

/** An upload, shown where its file will be. */
export interface Transfer {
  readonly id: number
  readonly key: string
  readonly size: number
  readonly lastModified: number
  /** Absent after a reload, until the same file is chosen again. */
  file: File | undefined
  sent: number
  state: 'waiting' | 'sending' | 'failed' | 'interrupted'
  error: ApiError | undefined
  overwrite: boolean
  progress: Progress | undefined
  abort: AbortController
}

/** Receives what uploads bring about. */
interface Host {
  change(): void
  added(key: string, size: number): void
  failed(error: unknown): void
}

/** The queue of uploads: three at a time, kept over a reload until they are complete or given up. */
export class Uploads {
  readonly list: Transfer[] = []
  readonly #host: Host
  #nextId = 1

  constructor(host: Host) {
    this.#host = host
  }

  get isSending(): boolean {
    return this.list.some(({ state }) => state === 'sending')
  }

  /** Adds files to the queue. A file of an interrupted upload continues that one. */
  add(files: readonly { file: File; key: string }[]): void {
    for (const { file, key } of files) {
      const earlier = this.list.find((one) => one.key === key && one.state === 'interrupted')
      if (earlier !== undefined && earlier.size === file.size && earlier.lastModified === file.lastModified) {
        earlier.file = file
        earlier.state = 'waiting'
        continue
      }
      if (earlier !== undefined) this.cancel(earlier)
      this.list.push({
        id: this.#nextId++,
        key,
        size: file.size,
        lastModified: file.lastModified,
        file,
        sent: 0,
        state: 'waiting',
        error: undefined,
        overwrite: false,
        progress: undefined,
        abort: new AbortController(),
      })
    }
    this.#pump()
  }

  /** Tries a failed upload again. */
  retry(transfer: Transfer, overwrite = transfer.overwrite): void {
    if (overwrite !== transfer.overwrite || transfer.error?.status === 410 || transfer.error?.status === 404) {
      transfer.progress = undefined
    }
    transfer.overwrite = overwrite
    transfer.error = undefined
    transfer.state = 'waiting'
    this.#pump()
  }

  cancel(transfer: Transfer): void {
    transfer.abort.abort(new DOMException('cancelled', 'AbortError'))
    if (transfer.progress !== undefined) void abandon(transfer.progress).catch(() => {})
    this.#drop(transfer)
  }

  #drop(transfer: Transfer): void {
    const at = this.list.indexOf(transfer)
    if (at >= 0) this.list.splice(at, 1)
    this.#save()
    this.#pump()
  }

  #pump(): void {
    const free = lanes - this.list.filter(({ state }) => state === 'sending').length
    for (const transfer of this.list.filter(({ state }) => state === 'waiting').slice(0, free)) {
      transfer.state = 'sending'
      void this.#send(transfer)
    }
    this.#host.change()
  }

  async #send(transfer: Transfer): Promise<void> {
    const { file, key, abort } = transfer
    if (file === undefined) return
    try {
      await upload(file, {
        key,
        overwrite: transfer.overwrite,
        progress: transfer.progress,
        signal: abort.signal,
        onBytes: (sent) => {
          transfer.sent = sent
          this.#changeSoon()
        },
        onProgress: (progress) => {
          transfer.progress = progress
          this.#save()
        },
      })
      this.#host.added(key, file.size)
      this.#drop(transfer)
    } catch (error) {
      if (abort.signal.aborted) return
      transfer.error = asApiError(error)
      transfer.state = 'failed'
      this.#host.failed(error)
      this.#save()
      this.#pump()
    }
  }

  #isChanging = false
  #changeSoon(): void {
    if (this.#isChanging) return
    this.#isChanging = true
    setTimeout(() => {
      this.#isChanging = false
      this.#host.change()
    }, 100)
  }

  #save(): void {
    const kept = this.list.map(({ key, size, lastModified, overwrite, progress }) => ({
      ...{ key, size, lastModified, overwrite, progress },
    }))
    sessionStorage.setItem(storageKey, JSON.stringify(kept))
  }

  /** Brings back what a reload interrupted: each goes on when its file is chosen again. */
  restore(): void {
    type Stored = Pick<Transfer, 'key' | 'size' | 'lastModified' | 'overwrite' | 'progress'>
    for (const stored of this.list.length === 0 ? readStored<Stored>(storageKey) : []) {
      this.list.push({
        ...stored,
        id: this.#nextId++,
        file: undefined,
        sent: 0,
        state: 'interrupted',
        error: undefined,
        abort: new AbortController(),
      })
    }
  }
}

/** Reads a list that this page stored; empty if it is missing or damaged. */
export function readStored<T>(name: string): readonly T[] {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? '[]') as T[]
  } catch {
    return []
  }
}
