import type { StageConfig } from '../../shared/config/stage-config.ts'
import { showTime } from '../input/time.ts'
import type { Entry, Order } from './revocation-desk.ts'

type Mode = StageConfig['enforcement']

/** Whom a revocation means, in words. */
export function whose({ sub }: Order): string {
  return sub === undefined ? 'everybody' : `the sessions of ${sub}`
}

/**
 * How soon a revocation is felt. A KeyValueStore has propagated within seconds, says AWS; what the session function does, minting
 * and all of gate mode, follows the state object, which each instance keeps for 30 s.
 */
export function revokedText(enforcement: Mode): string {
  return enforcement === 'gate'
    ? 'cookies and signed URLs that exist are refused, and new ones not made, after 30 s at the latest'
    : 'cookies and signed URLs that exist are refused within seconds, new ones are not made after 30 s'
}

/** How soon access is back. */
export function restoredText(enforcement: Mode): string {
  return enforcement === 'gate' ? 'within 30 s' : 'with cookies that exist within seconds, with new ones within 30 s'
}

/** A revocation under stable names. */
export function entryJson({ prefix, sub, before, expires }: Entry) {
  return { prefix, sub: sub ?? null, before: showTime(before), expiresAt: showTime(expires) }
}
