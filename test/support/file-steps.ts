/** A look at every call of `node:fs/promises`, so that a test can end the process, or do something else, between two of them. */

/** Called before each call: a process that ends after one call and one that ends before the next leave the same. */
export type OnFileStep = () => void | Promise<void>

const steps = Symbol.for('edge-signer-test.file-steps')

/** Side effects of the calls of a process. */
export const fileSteps: { on: OnFileStep } = sharedSteps()

/** One for all modules of a test, also those that are imported afresh. */
function sharedSteps(): { on: OnFileStep } {
  const holder = globalThis as { [steps]?: { on: OnFileStep } }
  holder[steps] ??= { on: () => {} }
  return holder[steps]
}

/** The module with steps; for `vi.mock('node:fs/promises', …)`. */
export function withFileSteps(real: object): object {
  const wrapped = Object.entries(real).map(([name, value]) => [name, typeof value === 'function' ? step(value) : value])
  return Object.fromEntries(wrapped)
}

function step(call: (...args: unknown[]) => unknown) {
  return async (...args: unknown[]) => {
    await fileSteps.on()
    return call(...args)
  }
}

/**
 * Runs work whose process ends at one step, counted from 0. Nothing of it goes on from there, whatever it would have tidied up.
 *
 * @returns whether there was such a step.
 */
export async function endedAt(step: number, work: () => Promise<unknown>): Promise<boolean> {
  let count = 0
  let end = () => {}
  const ended = new Promise<'ended'>((resolve) => {
    end = () => resolve('ended')
  })
  fileSteps.on = async () => {
    if (count++ !== step) return
    end()
    await new Promise(() => {})
  }
  const outcome = await Promise.race([work(), ended])
  fileSteps.on = () => {}
  return outcome === 'ended'
}

/** Runs work with one step failing, as for want of a file descriptor. Returns whether there was such a step. */
export async function failedAt(step: number, work: () => Promise<unknown>): Promise<boolean> {
  let count = 0
  fileSteps.on = () => {
    if (count++ === step) throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' })
  }
  await work().catch(() => {})
  fileSteps.on = () => {}
  return count > step
}

/** Runs work with something else done at one step. Returns whether there was such a step. */
export async function interruptedAt(step: number, work: () => Promise<unknown>, other: () => Promise<unknown>) {
  let count = 0
  let isReached = false
  fileSteps.on = async () => {
    if (isReached || count++ !== step) return
    isReached = true
    await other()
  }
  await work()
  fileSteps.on = () => {}
  return isReached
}
