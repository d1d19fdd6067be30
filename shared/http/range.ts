/**
 * Reading a `Range` field as far as a refusal needs it.
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters or imports.
 */

/** The field: its value, and its lines where it came in several. */
export interface RangeField {
  readonly value: string
  readonly multiValue?: unknown
}

/** RFC 9110 section 14.1.2: one `first-last`, `first-` or `-suffix`. */
const singleRange = /^bytes=(?:(\d+)-(\d*)|-\d+)$/i

/** More than one range, in one line or in several. CloudFront answers most of them with the whole object. */
export function isMultiRange(range: RangeField): boolean {
  return range.multiValue !== undefined || range.value.indexOf(',') >= 0
}

/** Whether S3 reads `range` as one range. An invalid one is ignored by servers, which then send the whole object. */
export function isSingleRange(range: RangeField | undefined): boolean {
  const match = singleRange.exec(range ? range.value : '')
  return match !== null && !(Number(match[1]) > Number(match[2] || Number.POSITIVE_INFINITY))
}
