import { EdgeSignerError, ServiceError } from '../../shared/errors.ts'
import { embeddedMetric, type MetricName, metricNames } from '../../shared/operations/embedded-metric.ts'
import type { PublishDependencies } from '../../shared/uploads/publish.ts'
import { isRefusal, type ObjectCreatedEvent, publishEvent } from './publish-event.ts'
import { type Sweep, sweepIncoming } from './sweep.ts'

/** Milliseconds that a sweep leaves for the upload that it is at, and for its last line. */
const reserve = 20_000

/** The hourly rule. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html */
interface ScheduledEvent {
  readonly source: 'aws.events'
}

/** Dependencies of the function. */
export interface PublishWorld {
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
export function createPublishHandler({ options, keyPrefix, list, nowMs, newId, log, ...world }: PublishWorld) {
  const now = () => Math.floor(nowMs() / 1000)
  const counted = (name: MetricName, count: number) =>
    count === 0 ? {} : embeddedMetric(name, count, world.stageName, now())

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
