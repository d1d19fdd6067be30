import { parseIpv4 } from '../../shared/cloudfront/ipv4.ts'
import type { PolicyConditions } from '../../shared/cloudfront/policy.ts'
import { parseDuration, parseTime } from '../input/time.ts'
import { UsageError } from '../usage-error.ts'

/** The options that say when and from where a signature holds. */
export interface ConditionOptions {
  readonly expiresIn?: string
  readonly expires?: string
  readonly notBefore?: string
  readonly ip?: string
}

/** What a prefix's policy starts before now where nothing is said, in seconds: clocks differ. */
export const clockSkew = 60

/** How long a signature holds where nothing is said: one hour, in seconds. */
const defaultLifetime = 3600

/**
 * Reads them.
 *
 * @throws UsageError where a time is none, the end is over or not after the start, or the address is no IPv4 address.
 */
export function readConditions(
  options: ConditionOptions,
  now: number,
): PolicyConditions & { readonly expires: number } {
  if (options.expires !== undefined && options.expiresIn !== undefined) {
    throw new UsageError('--expires and --expires-in exclude each other')
  }
  const expires =
    options.expires === undefined
      ? now + (options.expiresIn === undefined ? defaultLifetime : parseDuration(options.expiresIn, '--expires-in'))
      : parseTime(options.expires, '--expires', now)
  if (expires <= now) throw new UsageError('--expires must lie ahead')
  const notBefore = options.notBefore === undefined ? undefined : parseTime(options.notBefore, '--not-before', now)
  if (expires <= (notBefore ?? 0)) throw new UsageError('--expires must be after --not-before')
  if (options.ip !== undefined && parseIpv4(options.ip) === undefined) {
    throw new UsageError(
      "--ip must be one IPv4 address: CloudFront's policies know no IPv6, and blocks are not signed here",
    )
  }
  return { expires, notBefore, ipAddress: options.ip }
}
