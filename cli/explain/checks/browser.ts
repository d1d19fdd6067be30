import type { StoredCookie } from '../../input/netscape-jar.ts'
import { type Check, type Finding, fail, pass, unknown } from '../check.ts'
import { type Obstacle, obstacles } from '../cookie-delivery.ts'
import type { Subject } from '../subject.ts'

/** What a check of the browser's own rules says where a cookie is held back. */
export type Explanation = (withheld: readonly StoredCookie[], subject: Subject) => Finding

/**
 * A check of one rule by which browsers hold cookies back (RFC 6265bis section 5.8.3). It fails only where the cookies that
 * came closest to being sent were stopped by this very rule.
 */
export function browserCheck(obstacle: Obstacle, passed: string, explain: Explanation): Check {
  return {
    name: `cookie-${obstacle}`,
    by: 'browser',
    run(subject) {
      const { delivery, fields, stored } = subject
      if (fields.source === 'url') return pass('a signed URL needs no cookies')
      if (stored === undefined) return pass('the cookies are given as they were sent')
      if (delivery === undefined)
        return unknown('which cookies a browser sends depends on the URL, which was not given')
      if (delivery.obstacle === undefined) return pass(passed)
      const stopped = obstacles.indexOf(delivery.obstacle)
      const mine = obstacles.indexOf(obstacle)
      if (mine < stopped) return pass(passed)
      if (mine > stopped) return unknown('the cookies are held back before that')
      return explain(delivery.withheld, subject)
    },
  }
}

/** The distinct values, for a sentence. */
export function listed(values: readonly (string | undefined)[]): string {
  return [...new Set(values.map((value) => value ?? '(not known)'))].sort().join(', ')
}

/** The finding of a rule that was broken. */
export const withheldBy = fail
