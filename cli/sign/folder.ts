import { EdgeSignerError } from '../../shared/errors.ts'
import { parseResourcePrefix, type ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { parseRequestUrl } from '../input/request-url.ts'
import { UsageError } from '../usage-error.ts'

/** A prefix on a host. */
export interface Folder {
  readonly scheme: 'http' | 'https'
  /** With its port. */
  readonly host: string
  readonly hostname: string
  readonly prefix: ResourcePrefix
}

/**
 * Reads `https://cdn.example.com/users/alice/`, also with a `*` at its end.
 *
 * @throws UsageError where it is not a canonical prefix.
 */
export function parseFolder(url: string): Folder {
  const { scheme, host, hostname, path, querystring } = parseRequestUrl(url.replace(/\*$/, ''))
  try {
    if (querystring !== '') throw new UsageError('a prefix has no query string')
    return { scheme, host, hostname, prefix: parseResourcePrefix(path) }
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof EdgeSignerError)) throw error
    throw new UsageError(
      'a prefix begins and ends with / and has each segment percent-encoded: https://cdn.example.com/users/alice/',
    )
  }
}
