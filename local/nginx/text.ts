import { LocalError } from '../local-error.ts'

/** Returns a block of nginx directives: `head { … }`, indented. */
export function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `  ${line}`), '}']
}

/** Returns an `upstream` that keeps connections open. `address` is `unix:/…` or `host:port`. */
export function upstream(name: string, address: string): string[] {
  return block(`upstream ${name}`, [`server ${address} max_fails=0;`, 'keepalive 64;', 'keepalive_requests 1000000;'])
}

/**
 * Returns a path as one nginx argument.
 *
 * @throws LocalError for a path with `$` or a line break, which nginx would read as a variable or the next directive.
 */
export function quotePath(path: string): string {
  if (/[$\r\n\0]/.test(path))
    throw new LocalError(
      `The path ${JSON.stringify(path)} has a character that nginx does not support; use another folder.`,
    )
  return `"${path.replace(/[\\"]/g, '\\$&')}"`
}
