import * as v from 'valibot'

/** The values that fields of a stage have in common, each with the text that says what it should be. */

export const httpsUrl = v.pipe(v.string(), v.url(), v.startsWith('https://', 'must be an https:// URL'))

export const hostName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a lower-case host name without scheme, port or path'),
)

export const origin = v.pipe(
  v.string(),
  v.regex(
    /^https?:\/\/[a-z0-9.-]+(:(\d+|\*))?$/,
    'must be an origin such as https://app.example.com or http://localhost:*',
  ),
)

/** Whole seconds in a range. */
export const seconds = (least: number, most: number) =>
  v.pipe(
    v.number(),
    v.integer('must be whole seconds'),
    v.minValue(least, `must be at least ${least} seconds`),
    v.maxValue(most, `must be at most ${most} seconds`),
  )

/** RFC 6749 section 3.3. */
export const scope = v.pipe(v.string(), v.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope'))

/** No alias: permissions are for keys, and an alias can be moved to another one. */
export const kmsKeyArn = v.pipe(
  v.string(),
  v.regex(
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[a-z0-9-]+$/,
    'must be the ARN of a KMS key, such as arn:aws:kms:us-east-1:123456789012:key/1234abcd-…',
  ),
)
