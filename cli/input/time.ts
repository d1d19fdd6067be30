import { UsageError } from '../usage-error.ts'

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/**
 * Parses a duration in seconds: `90`, `90s`, `15m`, `1h`, `7d`.
 *
 * @throws UsageError for anything else.
 */
export function parseDuration(text: string, option: string): number {
  const match = /^([1-9]\d{0,8})([smhd]?)$/.exec(text)
  if (match === null) throw new UsageError(`${option} must be a duration such as 90s, 15m, 1h or 7d`)
  return Number(match[1]) * unitSeconds[(match[2] || 's') as keyof typeof unitSeconds]
}

/**
 * Parses a point in time: epoch seconds, RFC 3339, an HTTP date, `now`, or `+15m` and `-1h` from now. Returns epoch seconds.
 *
 * @throws UsageError for anything else. A date without a time zone is refused, because its meaning depends on the machine.
 */
export function parseTime(text: string, option: string, now: number): number {
  if (text === 'now') return now
  if (/^\d{1,11}$/.test(text)) return Number(text)
  if (/^[+-]\d/.test(text)) return now + (text[0] === '-' ? -1 : 1) * parseDuration(text.slice(1), option)
  const hasZone = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/i.test(text) || /^\w{3}, .* GMT$/.test(text)
  const milliseconds = hasZone ? Date.parse(text) : Number.NaN
  if (Number.isNaN(milliseconds)) {
    throw new UsageError(`${option} must be epoch seconds, a time such as 2030-01-31T12:00:00Z, or +15m, -1h from now`)
  }
  return Math.floor(milliseconds / 1000)
}

/**
 * Parses a `Date` header (RFC 9110 section 6.6.1): the time of a response by the clock of the server that made it.
 *
 * @returns epoch seconds; `undefined` if the header is missing or malformed.
 */
export function parseHttpDate(date: string | null | undefined): number | undefined {
  const milliseconds = Date.parse(date ?? '')
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000)
}

/** Formats a time in UTC: `2030-01-31T12:00:00Z`. */
export function showTime(epoch: number): string {
  const date = new Date(epoch * 1000)
  return Number.isNaN(date.getTime()) ? `epoch ${epoch}` : date.toISOString().replace('.000Z', 'Z')
}

/** Formats a duration in its two largest units: `2 h 5 min`. */
export function showDuration(seconds: number): string {
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  let rest = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  for (const [size, unit] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${unit}`)
  }
  return parts.slice(0, 2).join(' ') || '0 s'
}
