import { closest, distance } from 'fastest-levenshtein'
import * as v from 'valibot'
import { maxObjectBytes } from '../assets/limits.ts'
import { ConfigError } from '../errors.ts'
import { type GrantTemplate, parseGrantTemplate } from '../grant/template.ts'
import { anyOrigin } from '../http/message.ts'
import type { SameSite } from '../http/set-cookie.ts'

/** The kinds of values that fields of a stage hold, each with the text that says what the value must be. */

/**
 * An object with these fields and no others. One issue names all unknown fields, a line for each, because valibot reports the first
 * one only.
 */
export function fields<const T extends v.ObjectEntries>(entries: T) {
  return v.strictObject(entries, (issue) => {
    if (issue.expected === 'Object') return 'must be an object'
    if (issue.expected !== 'never') return 'must be set'
    const names = Object.keys(entries)
    const given = Object.keys(issue.path?.at(-1)?.input as object)
    return given
      .filter((name) => !Object.hasOwn(entries, name))
      .map((name) => unknownField(name, names))
      .join('\n')
  })
}

/** The suggestion is left out where no name is close: at most a third of the letters differ, ignoring case. */
function unknownField(name: string, names: readonly string[]): string {
  const guess = closest(
    name.toLowerCase(),
    names.map((known) => known.toLowerCase()),
  )
  const known = names.find((candidate) => candidate.toLowerCase() === guess)
  const isClose = known !== undefined && distance(name.toLowerCase(), guess) <= Math.max(1, known.length / 3)
  return `unknown field \`${name}\`${isClose ? `; did you mean \`${known}\`?` : ''}`
}

/** A path of grants, parsed by the one grammar there is (`parseGrantTemplate`). */
const grantPath = v.pipe(
  v.string('must be a template such as /users/{sub}/*'),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parseGrantTemplate(dataset.value)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      addIssue({ message: error.message })
      return NEVER
    }
  }),
)

/** One value or several. `what` names them in the message. */
export const oneOrMore = <const T extends v.GenericSchema>(value: T, what: string) =>
  v.union(
    [value, v.pipe(v.array(value), v.minLength(1, 'must hold at least one value'))],
    `must be ${what}, or a list of several`,
  )

/** A value that a claim is compared with. */
export const claimValue = v.union([v.string(), v.number(), v.boolean()])
export const claimValueName = 'a text, a number, true or false'

const mediaRange = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9!#$&^_.+-]+\/([a-z0-9!#$&^_.+-]+|\*)$/,
    'must be a lower-case media type such as image/png or image/*',
  ),
)

const grantObject = v.pipe(
  fields({
    path: grantPath,
    access: v.picklist(['read', 'read-write'], "must be 'read' or 'read-write'"),
    /** Claims that a session must have for this grant: a value, or a list of which it must have one. */
    when: v.optional(
      v.record(
        v.string(),
        oneOrMore(claimValue, claimValueName),
        'must be an object of claims and their values, such as { role: "editor" }',
      ),
      {},
    ),
    /** Limits of uploads, beside those of the stage. */
    upload: v.optional(
      fields({
        maxBytes: v.optional(
          v.pipe(
            v.number(),
            v.integer(),
            v.minValue(1),
            v.maxValue(maxObjectBytes, `must be at most ${maxObjectBytes}`),
          ),
        ),
        contentTypes: v.optional(v.pipe(v.array(mediaRange), v.minLength(1, 'must hold at least one type'))),
      }),
    ),
  }),
  v.check(({ access, upload }) => upload === undefined || access === 'read-write', "upload needs access: 'read-write'"),
  v.transform(({ path, access, when, upload }): GrantTemplate => {
    const conditions = Object.entries(when).map(([claim, values]) => ({ claim, values: [values].flat() }))
    return { ...path, access, ...(conditions.length > 0 && { when: conditions }), ...(upload && { upload }) }
  }),
)

/** A grant: its path alone, which may be read and written, or an object that says more. */
export const grantTemplate = v.lazy((value) => (typeof value === 'string' ? grantPath : grantObject))

export const httpsUrl = v.pipe(v.string(), v.url(), v.startsWith('https://', 'must be an https:// URL'))

export const hostName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a lower-case host name without scheme, port or path'),
)

const origin = v.pipe(
  v.string(),
  v.regex(
    /^https?:\/\/[a-z0-9.-]+(:(\d+|\*))?$/,
    'must be an origin such as https://app.example.com or http://localhost:*',
  ),
)

/** A list of origins, or `'*'`, which becomes the list of it alone. */
export const allowedOrigins = v.lazy((value) => (typeof value === 'string' ? everyOrigin : v.array(origin)))
const everyOrigin = v.pipe(
  v.literal(anyOrigin, "must be a list of origins, or '*'"),
  v.transform((): string[] => [anyOrigin]),
)

/** `SameSite` as it is written in a cookie. */
export const sameSite = v.pipe(
  v.picklist(['lax', 'none'], "must be 'lax' or 'none'"),
  v.transform((value): SameSite => (value === 'none' ? 'None' : 'Lax')),
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
