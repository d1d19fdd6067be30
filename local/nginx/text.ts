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

/** Returns a pattern of the text with each character plain or percent-encoded: nginx decodes a path before it chooses a location. */
function encodable(text: string): string {
  return [...text].map((character) => `(?:[${character}]|%${character.charCodeAt(0).toString(16)})`).join('')
}

const anyOf = (paths: readonly string[]) => `(?:${paths.map(encodable).join('|')})`
/** An empty segment or a dot segment. In a path with one, anything may come before the token path. */
const detour = `${encodable('/')}(?:${encodable('/')}|${encodable('.')})`
const lastSegment = (path: string) => path.replace(/^.*\/(?=.)/, '')

/** Returns case-insensitive patterns of paths with a token, for JavaScript and nginx alike. Logs keep the group. */
function tokenPatterns(tokenPaths: readonly string[]): string[] {
  if (tokenPaths.length === 0) return []
  return [
    `^(?<edge_kept>${anyOf(tokenPaths)})[^?]`,
    `^(?=[^?]*${detour})(?<edge_detoured>[^?]*?${anyOf(tokenPaths.map(lastSegment))})[^?]`,
  ]
}

/**
 * Returns a function that removes the query string and the token from a path, for logs.
 *
 * @param tokenPaths paths followed by a token.
 */
export function createPathLogger(tokenPaths: readonly string[]): (path: string) => string {
  const patterns = tokenPatterns(tokenPaths).map((pattern) => new RegExp(pattern, 'i'))
  return (path) => {
    const [raw = ''] = path.split('?', 1)
    for (const pattern of patterns) {
      const kept = pattern.exec(raw)?.[1]
      if (kept !== undefined) return `${kept}*`
    }
    return raw
  }
}

/** Returns the map of `$edge_logged_path`, the path in nginx's access log. */
export function loggedPathMap(tokenPaths: readonly string[]): string[] {
  return block('map $request_uri $edge_logged_path', [
    'default "";',
    ...tokenPatterns(tokenPaths).map((pattern) => `"~*${pattern}" "$${/\?<(\w+)>/.exec(pattern)?.[1]}*";`),
    '"~^(?<edge_whole_path>[^?]*)" $edge_whole_path;',
  ])
}
