import { ServiceError } from '../errors.ts'
import { type KeyDocument, parseKeyDocument, serializeKeyDocument } from './key-document.ts'
import type { KeyRing } from './key-ring.ts'

/**
 * Makes a document the current one in the place of version `from` (`undefined`: of none with a text).
 *
 * @throws ServiceError `ERR_KEYS_ROTATION` where somebody else changed the secret at the same moment; nothing was replaced.
 */
export async function replaceDocument(
  { secret }: Pick<KeyRing, 'secret'>,
  document: KeyDocument,
  from: string | undefined,
): Promise<void> {
  if ((await secret.replaceCurrent(documentText(document), from)) === 'moved') return
  throw new ServiceError('ERR_KEYS_ROTATION', `secret ${secret.id} was changed at the same moment: try again`)
}

/** The text to store. Parsed once: what is stored is what every function will be able to load. */
export function documentText(document: KeyDocument): string {
  const json = serializeKeyDocument(document)
  parseKeyDocument(json)
  return json
}
