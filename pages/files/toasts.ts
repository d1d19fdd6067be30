import { type ApiError, isSessionOver } from './api.ts'

/** A message with at most one action. */
export interface Toast {
  readonly id: number
  readonly text: string
  readonly tone: 'info' | 'error'
  readonly action: { readonly label: string; run(): void } | undefined
}

const maxToasts = 3
const infoMs = 6000
const errorMs = 12_000

/** The messages in view, the newest last. Each goes away by itself; an error stays longer, so that it can be read. */
export class Toasts {
  list: readonly Toast[] = []
  readonly #onChange: () => void
  #nextId = 1

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Shows a message. @param ms time until it goes away. */
  show(text: string, tone: Toast['tone'], action: Toast['action'], ms = tone === 'error' ? errorMs : infoMs): void {
    const toast: Toast = { id: this.#nextId++, text, tone, action }
    this.list = [...this.list.slice(1 - maxToasts), toast]
    setTimeout(() => this.dismiss(toast.id), ms)
    this.#onChange()
  }

  /** Shows a failure. The end of a session has a banner of its own, which stays. */
  showFailure(error: ApiError): void {
    if (!isSessionOver(error)) this.show(error.message, 'error', undefined)
  }

  /** Takes a message away. */
  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id)
    this.#onChange()
  }
}
