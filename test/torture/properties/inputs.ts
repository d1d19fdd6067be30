import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { type ObjectKey, parseObjectKey } from '../../../shared/assets/object-key.ts'
import { EdgeSignerError } from '../../../shared/errors.ts'
import { encodePathSegment, parseResourcePrefix, type ResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { parseGrantTemplate } from '../../../shared/grant/template.ts'
import { makeKeyPair, signingKey } from '../../../shared/keys/make-key-pair.ts'

/** Rules that hold for every input, as fast-check tries them. */
export interface Rule {
  readonly name: string
  property(): fc.IAsyncProperty<unknown> | fc.IProperty<unknown>
}

export const stampKey = 'c3RhbXAta2V5LWZvci10aGUtdG9ydHVyZS1oYXJuZXNzLTEy'
export const templates = ['/users/{sub}/*', '/teams/{claims.team}/*'].map(parseGrantTemplate)
export const ecKey = signingKey(makeKeyPair('ES256'), 'KTORTURE', 1)

/** Text that someone hostile would send: separators, escapes, dots and what readers disagree about. */
export const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        'a',
        'b',
        '/',
        '.',
        '..',
        '%2F',
        '%2e',
        '%',
        '*',
        '?',
        '|',
        ';',
        '=',
        '&',
        ' ',
        '\\',
        '\n',
        '\0',
        'é',
        '\u2028',
        '__proto__',
        '"',
        '+',
        ',',
        ':',
        '#',
        '😀',
        '\ud800',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
)
export const segment = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => accepted(() => encodePathSegment(text)) !== undefined)
export const prefix: fc.Arbitrary<ResourcePrefix> = fc
  .array(segment, { minLength: 1, maxLength: 3 })
  .map((segments) => `/${segments.map(encodePathSegment).join('/')}/`)
  .filter((text) => accepted(() => parseResourcePrefix(text)) !== undefined)
  .map(parseResourcePrefix)
export const objectKey: fc.Arbitrary<ObjectKey> = fc
  .array(segment, { minLength: 2, maxLength: 4 })
  .map((segments) => segments.join('/'))
  .filter((text) => accepted(() => parseObjectKey(text)) !== undefined)
  .map((text) => parseObjectKey(text))
export const epoch = fc.integer({ min: 1, max: 2 ** 31 - 1 })
export const token = fc.stringMatching(/^[\w-]{1,24}$/)

/** The value of a parser, or `undefined` where it refused as it should; any other error is a failure of the rule. */
export function accepted<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof EdgeSignerError) return undefined
    throw error
  }
}

export const same = (a: unknown, b: unknown) => isDeepStrictEqual(a, b)
