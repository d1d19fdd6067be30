/**
 * When an answer was made, by the clock of whoever made it: its `Date` (RFC 9110, section 6.6.1).
 *
 * @returns epoch seconds; `undefined` where there is none.
 */
export function answerTime(date: string | null | undefined): number | undefined {
  const time = Date.parse(date ?? '') / 1000
  return Number.isNaN(time) ? undefined : time
}
