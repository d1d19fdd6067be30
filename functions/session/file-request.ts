import type { ReadRules } from '../../shared/config/read-rules.ts'
import { RequestError } from '../../shared/errors.ts'
import { prefixesOf } from '../../shared/grant/path-prefixes.ts'
import { encodeReserved, isCanonicalPath } from '../../shared/http/canonical-path.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { isMultiRange, isSingleRange } from '../../shared/http/range.ts'
import { reservedPath } from '../../shared/http/reserved-path.ts'
import { MethodRefusal } from './refusal.ts'

/** The methods of a file's address. */
export const fileMethods = 'GET, HEAD, OPTIONS'

/**
 * Holds a request for a file against the rules that the guard has, in the guard's order: no CloudFront Function may sit on
 * the behaviours where this one does. Without the check of the path, everything after it would compare another text than
 * the origin reads.
 *
 * @returns the prefixes of the path at the depths of the grant templates.
 * @throws RequestError with the guard's codes.
 */
export function checkFileRequest({ method, path, headers }: HttpRequest, rules: ReadRules): readonly string[] {
  if (!isCanonicalPath(path)) throw new RequestError('ERR_PATH_NOT_CANONICAL')
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') throw new MethodRefusal(fileMethods)
  if (reservedPath.test(path)) throw new RequestError('ERR_NOT_FOUND')
  if (method === 'GET') checkRange(path, headers.range, rules.rangeOnly)
  const segments = path.split('/')
  const prefixes = prefixesOf(segments, rules.depths[`/${segments[1]}`] ?? [])
  if (prefixes.some((prefix) => encodeReserved(prefix) !== prefix)) throw new RequestError('ERR_PATH_NOT_CANONICAL')
  return prefixes
}

/** Lines of one field were joined with commas, so several lines are seen too. */
function checkRange(path: string, value: string | undefined, rangeOnly: readonly string[] | null): void {
  const range = value === undefined ? undefined : { value }
  if (range !== undefined && isMultiRange(range)) throw new RequestError('ERR_RANGE_MULTIPLE')
  if (rangeOnly === null || isSingleRange(range)) return
  const written = encodeReserved(path)
  if (rangeOnly.some((prefix) => written.startsWith(prefix))) throw new RequestError('ERR_RANGE_REQUIRED')
}
