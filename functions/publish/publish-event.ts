import { AssetError } from '../../shared/errors.ts'
import { type PublishOptions, publishIncoming } from '../../shared/uploads/publish.ts'

/**
 * An `Object Created` event as EventBridge delivers it, as far as it counts here. The key is not encoded.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export interface ObjectCreatedEvent {
  readonly detail: { readonly object: { readonly key: string } }
}

/** What came of an event. */
export type PublishOutcome = 'published' | 'nothing-to-do' | 'not-an-upload' | AssetError['code']

/**
 * Publishes the upload whose bytes arrived. Events come at least once and in any order; the second one finds nothing to do.
 *
 * What the upload itself is refused for (it differs from its declaration, its key is taken, the quota is full) is an outcome:
 * another try would meet it again, and the client learns it from its confirm. A fault of ours is thrown, so that Lambda tries
 * again.
 */
export async function publishEvent(
  event: ObjectCreatedEvent,
  keyPrefix: string,
  options: PublishOptions,
): Promise<PublishOutcome> {
  const id = uploadIdOf(event.detail.object.key, keyPrefix)
  if (id === undefined) return 'not-an-upload'
  try {
    return (await publishIncoming(id, options)) === undefined ? 'nothing-to-do' : 'published'
  } catch (error) {
    if (error instanceof AssetError) return error.code
    throw error
  }
}

/** The rule matches a prefix; what is not exactly an upload's name below it is not ours. */
function uploadIdOf(name: string, keyPrefix: string): string | undefined {
  const folder = `${keyPrefix}_incoming/`
  const id = name.slice(folder.length)
  return name.startsWith(folder) && /^[\w-]{22}$/.test(id) ? id : undefined
}
