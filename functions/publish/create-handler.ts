import type { Asset } from '../../shared/assets/asset-store.ts'
import type { ArrivedPage, ArrivedUpload } from '../../shared/assets/s3/list.ts'
import { incomingId } from '../../shared/assets/s3/location.ts'
import { AssetError, EdgeSignerError, ServiceError } from '../../shared/errors.ts'
import { embeddedMetric, type MetricName, metricNames } from '../../shared/operations/embedded-metric.ts'
import { type PublishDependencies, publishIncoming } from '../../shared/uploads/publish.ts'

/** Milliseconds that a sweep leaves for the upload that it is at, and for its last line. */
const reserve = 20_000

/** The hourly rule. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html */
interface ScheduledEvent {
  readonly source: 'aws.events'
}

/** Dependencies of the function. */
export interface PublishFunctionDependencies {
  readonly options: PublishDependencies
  readonly keyPrefix: string
  /** `<service>-<stage>`; metrics carry it. */
  readonly stageName: string
  readonly list: Sweep['list']
  readonly nowMs: () => number
  /** 128 random bits in base64url, as an upload's id. */
  readonly newId: () => string
  readonly log: (entry: Readonly<Record<string, unknown>>) => void
}

/**
 * The handler of two events: an object arrived in the incoming area, and the hourly rule, which publishes what no event has.
 *
 * @throws ServiceError `ERR_STORE_UNAVAILABLE`: a fault of the service kept an upload from publication; Lambda retries twice.
 */
export function createPublishHandler({
  options,
  keyPrefix,
  list,
  nowMs,
  newId,
  log,
  ...dependencies
}: PublishFunctionDependencies) {
  const now = () => Math.floor(nowMs() / 1000)
  const counted = (name: MetricName, count: number) =>
    count === 0 ? {} : embeddedMetric(name, count, dependencies.stageName, now())

  async function publish(event: ObjectCreatedEvent): Promise<void> {
    const outcome = await publishEvent(event, keyPrefix, options)
    const published = counted(metricNames.uploadsPublished, outcome === 'published' ? 1 : 0)
    if (isRefusal(outcome)) log({ level: 'warn', outcome, ...counted(metricNames.uploadsRefused, 1) })
    else log({ level: 'info', outcome, ...published })
  }

  async function sweep(context: { getRemainingTimeInMillis(): number }): Promise<void> {
    const hasTime = () => context.getRemainingTimeInMillis() > reserve
    const onFault = (error: unknown) =>
      log({ level: 'error', message: 'an upload was not published', ...reasonOf(error) })
    const result = await sweepIncoming({ ...options, list, start: newId(), now: now(), hasTime, onFault })
    const level = result.isComplete ? 'info' : 'warn'
    log({ level, message: 'swept', ...result, ...counted(metricNames.uploadsRecovered, result.published) })
    if (result.faults > 0) throw new ServiceError('ERR_STORE_UNAVAILABLE', 'uploads were not published')
  }

  return (event: ObjectCreatedEvent | ScheduledEvent, context: { getRemainingTimeInMillis(): number }) =>
    'source' in event && event.source === 'aws.events' ? sweep(context) : publish(event as ObjectCreatedEvent)
}

/** Of an error that is not ours the name alone: its message may quote a key. */
function reasonOf(error: unknown) {
  if (error instanceof EdgeSignerError) return { code: error.code, reason: error.message }
  return { code: 'ERR_INTERNAL', name: error instanceof Error ? error.name : typeof error }
}

/**
 * Seconds that an upload is left to its own event. That comes within seconds; Lambda tries again what failed after one minute and
 * after two more, and then drops the event.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
const settledSeconds = 600

/** Dependencies of a sweep. */
interface Sweep extends PublishDependencies {
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
interface SweepResult {
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

/**
 * An `Object Created` event as EventBridge delivers it, as far as it counts here. The key is not encoded.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export interface ObjectCreatedEvent {
  readonly detail: { readonly object: { readonly key: string } }
}

/** The result of an event. */
export type PublishOutcome = 'published' | 'nothing-to-do' | 'not-an-upload' | AssetError['code']

/** Publishes the upload whose bytes arrived. Events come at least once and in any order; the second one finds nothing to do. */
export async function publishEvent(
  event: ObjectCreatedEvent,
  keyPrefix: string,
  options: PublishDependencies,
): Promise<PublishOutcome> {
  const id = incomingId({ keyPrefix }, event.detail.object.key)
  return id === undefined ? 'not-an-upload' : outcomeOf(publishIncoming(id, options))
}

/**
 * A refusal of the upload itself (it differs from its declaration, its key is taken, the quota is full) is an outcome: a retry
 * would meet it again, and the client learns it from its confirm. A fault of the service stays an error.
 */
export async function outcomeOf(publishing: Promise<Asset | undefined>): Promise<PublishOutcome> {
  try {
    return (await publishing) === undefined ? 'nothing-to-do' : 'published'
  } catch (error) {
    if (error instanceof AssetError) return error.code
    throw error
  }
}

/** Returns true if the upload itself was refused. */
export function isRefusal(outcome: PublishOutcome): outcome is AssetError['code'] {
  return outcome.startsWith('ERR_')
}
