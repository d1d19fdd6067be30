import { showTime } from '../input/time.ts'
import type { Entry, Order } from './revocation-desk.ts'

/** Whom a revocation means, in words. */
export function whose({ sub }: Order): string {
  return sub === undefined ? 'everybody' : `the sessions of ${sub}`
}

/** A revocation under stable names. */
export function entryJson({ prefix, sub, before, expires }: Entry) {
  return { prefix, sub: sub ?? null, before: showTime(before), expiresAt: showTime(expires) }
}
