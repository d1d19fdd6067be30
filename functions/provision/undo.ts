import type { ProvisionStores } from './stores.ts'

/**
 * How to take one thing back; `in-use` is the answer where it had to stay. The stores are others than those it was made with:
 * these may be past their deadline.
 */
type UndoStep = (stores: Pick<ProvisionStores, 'secret' | 'trusted'>) => Promise<unknown>

/** What a run made so far, and how to take it back. */
export class UndoList {
  readonly #steps: { readonly what: string; readonly run: UndoStep }[] = []

  add(what: string, run: UndoStep): void {
    this.#steps.push({ what, run })
  }

  /** Last made, first removed: a public key cannot go while a group holds it. What cannot be removed is told, not hidden. */
  async run(openStores: () => ProvisionStores, report: (line: string) => void): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        const outcome = await step.run(openStores())
        report(`${step.what}: ${outcome === 'in-use' ? 'is in use and was left' : 'taken back'}`)
      } catch (error) {
        report(`${step.what}: could not be taken back (${error instanceof Error ? error.name : 'unknown'})`)
      }
    }
  }
}
