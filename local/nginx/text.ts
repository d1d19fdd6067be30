import { LocalError } from '../local-error.ts'

/** A block of nginx directives: `head { … }`, indented. */
export function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `  ${line}`), '}']
}

/**
 * A path as one nginx argument.
 *
 * @throws LocalError for a path with `$` or a line break: nginx would read a variable, or the next directive.
 */
export function quotePath(path: string): string {
  if (/[$\r\n\0]/.test(path))
    throw new LocalError(`The path ${JSON.stringify(path)} cannot be used: nginx cannot name it.`)
  return `"${path.replace(/[\\"]/g, '\\$&')}"`
}
