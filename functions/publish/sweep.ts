import type { ArrivedPage, ArrivedUpload } from '../../shared/assets/s3/list.ts'
import { type PublishDependencies, publishIncoming } from '../../shared/uploads/publish.ts'
import { isRefusal, outcomeOf } from './publish-event.ts'

/**
 * Seconds that an upload is left to its own event. That comes within seconds; Lambda tries again what failed after one minute and
 * after two more, and then drops the event.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
const settledSeconds = 600

/** Dependencies of a sweep. */
export interface Sweep extends PublishDependencies {
  readonly list: (after: string | undefined) => Promise<ArrivedPage>
  /**
   * The id to begin after; from the end it goes on at the beginning. What is refused stays in the area for days, and a sweep that
   * does not come to the end must not meet the same ones each time: ids are random, so a random one is fair.
   */
  readonly start: string
  /** Epoch seconds. */
  readonly now: number
  /** Returns true if there is time for one more upload. */
  readonly hasTime: () => boolean
  /** Called for each fault of the service; the sweep continues with the next upload. */
  readonly onFault: (error: unknown) => void
}

/** The result of a sweep. */
export interface SweepResult {
  readonly published: number
  /** For reasons of their own, or because something newer is at their key. They stay where they are. */
  readonly refused: number
  readonly faults: number
  /** True if the whole area was swept. */
  readonly isComplete: boolean
}

/**
 * Publishes what arrived and was published by no event: a client such as Uppy has done all that it will ever do when its bytes
 * have arrived.
 */
export async function sweepIncoming(sweep: Sweep): Promise<SweepResult> {
  const counts = { published: 0, refused: 0, faults: 0 }
  for await (const upload of arrivals(sweep)) {
    if (!sweep.hasTime()) return { ...counts, isComplete: false }
    if (upload.arrivedAt > sweep.now - settledSeconds) continue
    try {
      const outcome = await outcomeOf(publishIncoming(upload.id, sweep))
      if (outcome === 'published') counts.published += 1
      else if (isRefusal(outcome)) counts.refused += 1
    } catch (error) {
      counts.faults += 1
      sweep.onFault(error)
    }
  }
  return { ...counts, isComplete: true }
}

/** Everything once, from the start round to the start. */
async function* arrivals({ list, start }: Sweep): AsyncGenerator<ArrivedUpload> {
  yield* arrivalsAfter(start, list)
  for await (const upload of arrivalsAfter(undefined, list)) {
    if (upload.id > start) return
    yield upload
  }
}

async function* arrivalsAfter(start: string | undefined, list: Sweep['list']): AsyncGenerator<ArrivedUpload> {
  let after = start
  do {
    const page = await list(after)
    yield* page.uploads
    after = page.next
  } while (after !== undefined)
}
