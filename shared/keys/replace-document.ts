import { ConcurrentChangeError } from '../operations/retry.ts'
import { type KeyDocument, parseKeyDocument, serializeKeyDocument } from './key-document.ts'
import type { KeyRing } from './key-ring.ts'
import { draftLabel } from './key-secret.ts'

/**
 * Makes a document the current one in the place of version `from` (`undefined`: of none with a text).
 *
 * Labels that an earlier run left are taken away first. `AWSPENDING` on `from` is that of a rotation that has ended: once the
 * document moves on, its late steps would otherwise take up again a key that was withdrawn since.
 *
 * @throws ConcurrentChangeError where another writer changed the secret at the same moment; nothing was replaced.
 */
export async function replaceDocument(
  { secret }: Pick<KeyRing, 'secret'>,
  document: KeyDocument,
  from: string | undefined,
): Promise<void> {
  const { pending, draft } = (await secret.describe()) ?? {}
  if (pending !== undefined && pending === from) await secret.dropLabel('AWSPENDING', pending)
  if (draft !== undefined) await secret.dropLabel(draftLabel, draft)
  if ((await secret.replaceCurrent(documentText(document), from)) === 'moved') return
  throw new ConcurrentChangeError('ERR_KEYS_ROTATION', `secret ${secret.id} was changed at the same moment: try again`)
}

/** The text to store. Parsed once: what is stored is what every function will be able to load. */
export function documentText(document: KeyDocument): string {
  const json = serializeKeyDocument(document)
  parseKeyDocument(json)
  return json
}
