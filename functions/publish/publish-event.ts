import type { Asset } from '../../shared/assets/asset-store.ts'
import { incomingId } from '../../shared/assets/s3/location.ts'
import { AssetError } from '../../shared/errors.ts'
import { type PublishDependencies, publishIncoming } from '../../shared/uploads/publish.ts'

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
