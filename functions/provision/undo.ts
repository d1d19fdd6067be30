import type { ProvisionStores } from './stores.ts'

/**
 * How to take one thing back; `in-use` is the answer where it had to stay. The stores are others than those it was made with:
 * these may be past their deadline.
 */
type UndoStep = (stores: Pick<ProvisionStores, 'secret' | 'trusted'>) => Promise<unknown>

interface Step {
  readonly what: string
  readonly run: UndoStep
}

/** The things that a run makes, each noted before it is made, and how to take them back. */
export class UndoList {
  readonly #steps: Step[] = []

  /** @returns forgets the note: the thing was not made, or is another run's. */
  add(what: string, run: UndoStep): () => void {
    const step = { what, run }
    this.#steps.push(step)
    return () => {
      const at = this.#steps.indexOf(step)
      if (at >= 0) this.#steps.splice(at, 1)
    }
  }

  /**
   * Last made, first removed: a public key cannot go while a group holds it. A key that a document names can go once the secret
   * has: so those in use are tried once more at the end. A line is reported for each that could not go.
   */
  async run(openStores: () => ProvisionStores, report: (line: string) => void): Promise<void> {
    const inUse: Step[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      if ((await takeBack(step, openStores, report)) === 'in-use') inUse.push(step)
    }
    for (const step of inUse) {
      if ((await takeBack(step, openStores, report)) === 'in-use') report(`${step.what}: is in use and was left`)
    }
  }
}

async function takeBack(
  { what, run }: Step,
  openStores: () => ProvisionStores,
  report: (line: string) => void,
): Promise<unknown> {
  try {
    const outcome = await run(openStores())
    if (outcome !== 'in-use') report(`${what}: taken back`)
    return outcome
  } catch (error) {
    report(`${what}: could not be taken back (${error instanceof Error ? error.name : 'unknown'})`)
    return undefined
  }
}
