import { showDuration } from '../input/time.ts'
import type { Subject } from './subject.ts'

/** Differences up to this many seconds are more often a wrong clock than a late request. */
const likelySkew = 600

/** The `Date` of the answer in epoch seconds: the clock of whoever answered. */
export function answerTime({ answer }: Pick<Subject, 'answer'>): number | undefined {
  const milliseconds = Date.parse(answer?.headers.get('date') ?? '')
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000)
}

/** A sentence about clocks where the time is off by little; empty otherwise. */
export function skewHint(off: number, answered: number | undefined, now: number): string {
  if (answered !== undefined && Math.abs(answered - now) > 30) {
    return ` The clock of the answer differs from the time used here by ${showDuration(Math.abs(answered - now))}.`
  }
  return off <= likelySkew
    ? ' The difference is small: compare the clock of the signing machine with a time server.'
    : ''
}
