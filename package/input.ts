import { InputError } from '../shared/errors.ts'

/**
 * Checks of the types that TypeScript promises. JavaScript callers pass on what a client sent: `overwrite: 'false'` must not
 * count as true.
 */

/** Returns an error that names the option, and not its value: it may be a signed URL. */
export function wrong(option: string, rule: string): InputError {
  return new InputError([option], `${option} ${rule}`)
}

/** @throws InputError unless the value is a string. */
export function textOf(value: unknown, option: string): string {
  if (typeof value !== 'string') throw wrong(option, 'must be a text')
  return value
}

/** Returns false for an absent flag. @throws InputError for anything but a boolean. */
export function flagOf(value: unknown, option: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw wrong(option, 'must be true or false')
  return value ?? false
}

/** Returns the options of a call. @throws InputError unless they are an object. */
export function optionsOf<T extends object>(options: T, name = 'options'): T {
  if (typeof options !== 'object' || options === null) throw wrong(name, 'must be an object')
  return options
}
