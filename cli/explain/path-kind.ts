/**
 * What a path is to the distribution (infra/distribution/behaviours.ts). A signature is asked for on `private` ones only;
 * `elsewhere` is the default behaviour: the app, or a 404 made at the edge.
 */
export type PathKind = 'private' | 'public' | 'session' | 'api' | 'elsewhere'

/**
 * The kind of a path, by the behaviours in their order.
 *
 * @param privatePaths prefixes, with the slash at their end.
 */
export function pathKind(path: string, privatePaths: readonly string[]): PathKind {
  const isBelow = (prefix: string) => path.startsWith(prefix)
  if (path === '/_edge/session' || isBelow('/_edge/session/')) return 'session'
  if (isBelow('/_edge/pages/') || isBelow('/public/')) return 'public'
  if (isBelow('/api/')) return 'api'
  return privatePaths.some(isBelow) ? 'private' : 'elsewhere'
}

/** Why no signature is asked for there. */
export const openBecause: Readonly<Record<Exclude<PathKind, 'private'>, string>> = {
  public: 'anybody may read this path',
  session: 'the session function answers this path by itself',
  api: 'the API answers this path, by the app session',
  elsewhere: 'no grant of edge-signer.config.ts covers this path',
}
