import { EdgeSignerError } from '../errors.ts'

/** The parts of the SDK's errors that are read. */
interface ServiceException {
  readonly $fault: 'client' | 'server'
  readonly $metadata: { readonly httpStatusCode?: number }
}

/** Names of errors that say: the same call may succeed a moment later. */
const transient =
  /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|Timeout|TimedOut|ETIMEDOUT|ECONN|EAI_AGAIN|EPIPE|Abort/

/** Next steps for errors of AWS, by their names. The first that matches counts. */
const advice: readonly (readonly [name: RegExp, advice: string])[] = [
  [/^NoSuchBucket$/, 'there is no bucket of this name: check bucket and bucketRegion of the stage'],
  [
    /^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/,
    'the bucket is in another Region: check bucket and bucketRegion of the stage',
  ],
  [/^ENOTFOUND$/, 'a service has no such address: check bucketRegion of the stage, then deploy again'],
  [
    /^(AccessDenied|UnrecognizedClient|ExpiredToken|InvalidAccessKeyId)/,
    "the function's role may not do this: check that the bucket is yours, its policy, and what the account forbids its roles",
  ],
  [
    /^(TooManyKeyGroups|TooManyPublicKeys|LimitExceeded)/,
    'a quota of the account is used up: delete what is not needed, or have it raised',
  ],
  [transient, 'AWS did not answer in time: deploy again'],
]
const serverFault = 'AWS failed: deploy again'
const unforeseen = 'not foreseen here: deploy again, and look the name up in the reference of AWS if it comes back'

/**
 * A failure in words for the operator: what it is and what to do. Our own messages say both and hold no secret. Of others the
 * name is shown and never the message, except that of a missing permission, which names the permission.
 */
export function failureReason(error: unknown): string {
  if (error instanceof EdgeSignerError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return 'unknown failure: deploy again'
  const name = faultName(error)
  const known = advice.find(([pattern]) => pattern.test(name))?.[1]
  const told = isAccessDenied(error) ? `${name}: ${error.message}` : name
  return `${told}: ${known ?? (isServerFault(error) ? serverFault : unforeseen)}`
}

/** Returns true if the same call may succeed a moment later: throttling, a time-out, the network, or a fault inside AWS. */
export function isTransientFault(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof EdgeSignerError) return false
  return transient.test(faultName(error)) || isServerFault(error)
}

/** Returns true if AWS refused for want of a permission. */
export function isAccessDenied(error: unknown): error is Error {
  return error instanceof Error && /^AccessDenied/.test(error.name)
}

/** A network fault of Node is an `Error` by name; what tells it apart is its code. */
function faultName(error: Error): string {
  return error.name === 'Error' && 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** As the SDK marks it. An error that a service's model does not name is always a client's to the SDK; its status is not. */
function isServerFault(error: Error): boolean {
  const { $fault, $metadata } = error as Partial<ServiceException>
  return $fault === 'server' || ($metadata?.httpStatusCode ?? 0) >= 500
}
