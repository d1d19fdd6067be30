import { encodeKey } from '../../client/encode-key.ts'
import { ApiError, type Asset, asApiError, call, forEachOf, isSessionOver, list, type Me, mint, readMe } from './api.ts'
import { keepName } from './model.ts'
import { type Toast, Toasts } from './toasts.ts'
import { uploadEmpty } from './upload.ts'
import { readStored, Uploads } from './uploads.ts'

/**
 * State of the page, apart from its looks: the session, the files that are known, uploads and deletions under way. Every change calls
 * `onChange`, and the view is drawn again.
 */

/** The stages of the session. */
export type Phase = 'starting' | 'signed-out' | 'no-access' | 'ready' | 'unreachable'

/** A deletion that can still be undone. */
interface PendingDelete {
  readonly keys: readonly string[]
  readonly due: number
}

const undoMs = 10_000
const maxAssets = 100_000
const storedDeletes = 'files deletes'

export class Library {
  phase: Phase = 'starting'
  me: Me | undefined
  isSessionOver = false
  isOnline = navigator.onLine
  loading: 'first' | 'more' | undefined
  isTruncated = false
  failure: ApiError | undefined
  readonly assets = new Map<string, Asset>()
  readonly hidden = new Set<string>()
  readonly uploads: Uploads
  readonly toasts = new Toasts(() => this.change())
  /** Changes with `assets` and `hidden`. */
  version = 0
  readonly #onChange: () => void
  #loaded = new Set<string>()
  #listing: AbortController | undefined
  #deletes: PendingDelete[] = []

  constructor(onChange: () => void) {
    this.#onChange = onChange
    this.uploads = new Uploads({
      change: () => this.change(),
      added: (key, size) => this.#add(key, size),
      failed: (error) => this.#noteSession(error),
    })
    addEventListener('online', () => this.#setOnline(true))
    addEventListener('offline', () => this.#setOnline(false))
    addEventListener('beforeunload', (event) => {
      if (this.uploads.isSending) event.preventDefault()
    })
    addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible' && this.phase === 'ready') void this.#renewSession()
    })
  }

  /** Begins, or begins again after a failure. */
  async start(): Promise<void> {
    try {
      this.#renewAt = await mint()
      this.me = await readMe()
      this.phase = this.me.folders.length === 0 ? 'no-access' : 'ready'
      this.isSessionOver = false
      this.#scheduleRenewal()
      this.#restore()
    } catch (error) {
      const known = asApiError(error)
      this.failure = known
      if (isSessionOver(known)) this.phase = 'signed-out'
      else this.phase = known.status === 403 || known.status === 401 ? 'no-access' : 'unreachable'
    }
    this.change()
  }

  #renewAt = 0
  #scheduleRenewal(): void {
    setTimeout(() => void this.#renewSession(), Math.max(5000, Math.min(this.#renewAt - Date.now(), 2 ** 31 - 1)))
  }

  /** Renews the cookies when they are due, so that a film plays on. */
  async #renewSession(): Promise<void> {
    if (Date.now() < this.#renewAt - 1000) return
    try {
      this.#renewAt = await mint()
      this.#scheduleRenewal()
    } catch (error) {
      this.fail(error)
    }
  }

  #setOnline(isOnline: boolean): void {
    this.isOnline = isOnline
    this.change()
  }

  change(): void {
    this.#onChange()
  }

  /** Loads a folder with everything below it, unless it is loaded. */
  async open(prefix: string, isAgain = false): Promise<void> {
    const isKnown = [...this.#loaded].some((loaded) => prefix.startsWith(loaded))
    if (isKnown && !isAgain) return
    this.#listing?.abort()
    const listing = new AbortController()
    this.#listing = listing
    this.failure = undefined
    this.loading = isKnown ? undefined : 'first'
    this.change()
    const seen = new Set<string>()
    try {
      for await (const page of list(prefix, listing.signal)) {
        for (const asset of page) {
          seen.add(asset.key)
          this.assets.set(asset.key, asset)
        }
        this.version++
        if (this.loading !== undefined) this.loading = 'more'
        this.change()
        if (seen.size >= maxAssets) break
      }
      this.isTruncated = seen.size >= maxAssets
      if (!this.isTruncated) {
        for (const key of this.assets.keys()) if (key.startsWith(prefix) && !seen.has(key)) this.assets.delete(key)
      }
      this.#loaded.add(prefix)
    } catch (error) {
      if (listing.signal.aborted) return
      this.failure = asApiError(error)
      this.#noteSession(error)
    }
    this.loading = undefined
    this.version++
    this.change()
  }

  /** Shows a failure, with a next step where there is one. */
  fail(error: unknown): void {
    const known = asApiError(error)
    this.#noteSession(known)
    this.toasts.showFailure(known)
    this.change()
  }

  #noteSession(error: unknown): void {
    if (isSessionOver(error)) this.isSessionOver = true
  }

  toast(text: string, tone: Toast['tone'] = 'info', action?: Toast['action'], ms?: number): void {
    this.toasts.show(text, tone, action, ms)
  }

  /** The keys of a file, or of everything below a folder. */
  keysOf(path: string): readonly string[] {
    return path.endsWith('/') ? [...this.assets.keys()].filter((key) => key.startsWith(path)) : [path]
  }

  /** Hides files at once, and deletes them when nobody has undone it for ten seconds. */
  remove(paths: readonly string[], label: string): void {
    const keys = paths.flatMap((path) => this.keysOf(path))
    this.#scheduleDelete({ keys, due: Date.now() + undoMs }, label)
  }

  #scheduleDelete(pending: PendingDelete, label: string): void {
    for (const key of pending.keys) this.hidden.add(key)
    this.#deletes.push(pending)
    this.#saveDeletes()
    this.version++
    const ms = Math.max(0, pending.due - Date.now())
    const timer = setTimeout(() => void this.#delete(pending), ms)
    const undo = () => {
      clearTimeout(timer)
      this.#settleDelete(pending)
      this.toast(`${label}: kept.`)
    }
    this.toast(`${label}: deleted.`, 'info', { label: 'Undo', run: undo }, ms)
  }

  async #delete(pending: PendingDelete): Promise<void> {
    await this.#each(pending.keys, async (key) => {
      await call('DELETE', `/api/assets/${encodeKey(key)}`).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.code === 'ERR_ASSET_NOT_FOUND')) throw error
      })
      this.assets.delete(key)
    })
    this.#settleDelete(pending)
  }

  #settleDelete(pending: PendingDelete): void {
    for (const key of pending.keys) this.hidden.delete(key)
    this.#deletes = this.#deletes.filter((one) => one !== pending)
    this.#saveDeletes()
    this.version++
    this.change()
  }

  /** Runs a task for each key. The first failure is shown. */
  async #each(keys: readonly string[], task: (key: string) => Promise<void>): Promise<boolean> {
    const failure = await forEachOf(keys, task)
    if (failure !== undefined) this.fail(failure)
    return failure === undefined
  }

  /** Moves a file, or everything below a folder, to a new path. */
  async move(from: string, to: string, label: string, canUndo = true): Promise<void> {
    const keys = this.keysOf(from)
    const isMoved = await this.#each(keys, async (key) => {
      const target = to + key.slice(from.length)
      const asset = await call<Asset>('POST', '/api/assets/move', { from: key, to: target })
      this.assets.delete(key)
      this.assets.set(target, asset)
      this.version++
    })
    const undo = { label: 'Undo', run: () => void this.move(to, from, 'Moved back', false) }
    if (isMoved) this.toast(label, 'info', canUndo ? undo : undefined, canUndo ? undoMs : undefined)
    this.change()
  }

  /** Copies a link that opens a file without a sign-in until it expires. */
  async copyLink(key: string): Promise<void> {
    try {
      const { url, expiresAt } = await call<{ url: string; expiresAt: string | null }>('POST', '/api/downloads', {
        key,
      })
      await navigator.clipboard.writeText(new URL(url, location.href).href)
      const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
      const until = expiresAt === null ? '' : ` until ${time.format(Date.parse(expiresAt))}`
      this.toast(`Link copied. Anyone who has it can open the file${until}.`)
    } catch (error) {
      if (error instanceof ApiError) this.fail(error)
      else this.toast('The browser does not allow the page to copy. Allow the clipboard for this site.', 'error')
    }
  }

  /** Creates a folder: an empty object that the page does not list. */
  async createFolder(prefix: string): Promise<void> {
    await uploadEmpty(`${prefix}${keepName}`)
    this.#add(`${prefix}${keepName}`, 0)
  }

  #add(key: string, size: number): void {
    this.assets.set(key, { key, size, lastModified: new Date().toISOString() })
    this.version++
    this.change()
  }

  #saveDeletes(): void {
    sessionStorage.setItem(storedDeletes, JSON.stringify(this.#deletes))
  }

  /** Brings back what a reload interrupted. A deletion starts its ten seconds again. */
  #restore(): void {
    this.uploads.restore()
    for (const { keys } of this.#deletes.length === 0 ? readStored<PendingDelete>(storedDeletes) : []) {
      const label = keys.length === 1 ? (keys[0]?.split('/').at(-1) ?? '') : `${keys.length} files`
      this.#scheduleDelete({ keys, due: Date.now() + undoMs }, label)
    }
  }

  /** Signs out of the files and of the app. */
  async signOut(): Promise<void> {
    try {
      await call('DELETE', '/_edge/session')
      sessionStorage.clear()
      this.assets.clear()
      this.#loaded.clear()
      this.phase = 'signed-out'
      this.me = undefined
      this.failure = undefined
    } catch (error) {
      this.fail(error)
    }
    this.change()
  }
}
