import type { StageConfig } from '../config/stage-config.ts'
import { ConfigError } from '../errors.ts'
import { encodePathSegment } from '../grant/resource-prefix.ts'
import { templateDepth } from '../grant/template.ts'

/** Path rules of a stage, used by whichever function authorises reads. */
export interface ReadRules {
  /**
   * The depths of the grant templates, ascending, by first segment: `{"/users": [2]}`. The slash keeps the names of
   * `Object.prototype` out of the look-up.
   */
  readonly depths: Readonly<Record<string, readonly number[] | undefined>>
  /** Prefixes where a GET must carry a range, in the form that `encodePathSegment` writes; `null` where there are none. */
  readonly rangeOnly: readonly string[] | null
}

/**
 * Derives the rules of a stage.
 *
 * @throws ConfigError where a prefix of `rangeOnly` can be the prefix of no canonical path.
 */
export function readRules(config: StageConfig): ReadRules {
  const depths: Record<string, number[]> = {}
  for (const template of config.grants) {
    const first = template.source.slice(0, template.source.indexOf('/', 1))
    depths[first] = [...new Set([...(depths[first] ?? []), templateDepth(template)])].sort((a, b) => a - b)
  }
  return { depths, rangeOnly: config.rangeOnly.length > 0 ? config.rangeOnly.map(encodePrefix) : null }
}

/** Accepts a prefix written plainly or percent-encoded, and writes the one form that paths are compared with. */
function encodePrefix(prefix: string): string {
  try {
    const segments = prefix.slice(1, -1).split('/')
    return `/${segments.map((segment) => encodePathSegment(decodeURIComponent(segment))).join('/')}/`
  } catch {
    throw new ConfigError(`rangeOnly: "${prefix}" must be a prefix such as /users/alice/ that a path can start with`)
  }
}
