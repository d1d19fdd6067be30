/** The times in the life of a key, in seconds. */
export interface KeyTimes {
  /** From a change of the key group until every edge location acts on it. */
  readonly propagation: number
  /** How far two clocks of AWS may be apart. */
  readonly clockSkew: number
  /** The longest time that cookies or a signed URL are good for: what the configuration allows at most. */
  readonly maxTtl: number
  /** How long a function signs with a key document that it cannot refresh. */
  readonly documentCache: number
}

/**
 * The times of a deployed stage. CloudFront publishes no figure for the time that a change of a key group takes, and reports no
 * end of it; changes of a distribution are done in five minutes as a rule, so ten.
 */
export const keyTimes: KeyTimes = { propagation: 600, clockSkew: 300, maxTtl: 86_400, documentCache: 3600 }

/** Seconds after a newer key has become usable in which signatures of the older one may still be in use. */
export function retirementAge(times: KeyTimes): number {
  return times.maxTtl + times.documentCache + times.clockSkew
}

/** Seconds from the making of a key to its first signature: our clock may run behind, and that of the signing function ahead. */
export function waitingTime(times: KeyTimes): number {
  return times.propagation + 2 * times.clockSkew
}
