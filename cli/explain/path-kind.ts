/**
 * Kinds of paths in a distribution (infra/distribution/behaviours.ts). Only `private` paths need a signature. `elsewhere` is the
 * default behaviour: the app, or a 404 from the edge.
 */
export type PathKind = 'private' | 'public' | 'session' | 'api' | 'elsewhere'

/**
 * Returns the kind of a path, in the order of the behaviours.
 *
 * @param privatePaths prefixes, each with a trailing slash.
 */
export function pathKind(path: string, privatePaths: readonly string[]): PathKind {
  const isBelow = (prefix: string) => path.startsWith(prefix)
  if (path === '/_edge/session' || isBelow('/_edge/session/')) return 'session'
  if (isBelow('/_edge/pages/') || isBelow('/public/')) return 'public'
  if (isBelow('/api/')) return 'api'
  return privatePaths.some(isBelow) ? 'private' : 'elsewhere'
}

/** Reasons why a kind of path needs no signature. */
export const openBecause: Readonly<Record<Exclude<PathKind, 'private'>, string>> = {
  public: 'anybody may read this path',
  session: 'the session function serves this path',
  api: 'the API serves this path, and checks the app session',
  elsewhere: 'no grant of edge-signer.config.ts covers this path',
}
