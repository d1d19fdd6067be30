import { keyPath } from '../assets/object-key.ts'
import type { Upload } from '../assets/upload.ts'
import { contains, parseResourcePrefix } from '../grant/resource-prefix.ts'
import type { RevocationState } from '../revocation/state.ts'
import { quotaPrefix } from './quota.ts'
import { ownerOf } from './upload-token.ts'

/**
 * Returns true if an upload was allowed before its owner's access to the granted prefix was revoked: by the same rules as a
 * session (`isSessionRevoked`), with the time of the ticket. A session that is good in spite of the revocation gets another
 * ticket.
 */
export function isUploadRevoked({ revocations }: RevocationState, upload: Upload): boolean {
  const granted = parseResourcePrefix(keyPath(quotaPrefix(upload.key, upload.depth)))
  return revocations.some(
    ({ prefix, sub, before }) =>
      (sub === undefined || ownerOf(sub) === upload.owner) &&
      upload.issuedAt <= before &&
      (contains(prefix, granted) || contains(granted, prefix)),
  )
}
