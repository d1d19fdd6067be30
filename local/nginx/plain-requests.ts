import { changeableHeaders } from '../edge/build.ts'
import type { Behaviour, Distribution } from '../template/model.ts'
import { changeableHeadersOf } from './forwarded-headers.ts'
import { block } from './text.ts'

/**
 * Recognising the requests for which njs has a short way (`local/edge/plain-request.ts`). What nginx finds with a regular
 * expression takes njs ten times as long.
 */

/** Whether the bucket answers the behaviour's requests, and nothing of them but the path and the conditions reaches it. */
export function isPlainBehaviour(behaviour: Behaviour): boolean {
  return (
    behaviour.origin.kind === 'bucket' &&
    behaviour.viewerRequest?.kind !== 'lambda-edge' &&
    behaviour.allowedMethods.includes('GET') &&
    changeableHeadersOf(behaviour).every((name) => changeableHeaders.includes(name))
  )
}

/**
 * `$edge_plain`: `<index of the behaviour><path>` for a `GET` without a query string whose path has unreserved characters only
 * and no dot segment, so that its normalised form is itself; and whose host is in lower case, so that a policy can name it. The
 * target is in origin form, so that the `Host` header is the only name of the host.
 */
export function plainRequestMap(distribution: Distribution, ownPaths: readonly string[]): string[] {
  const start = '~^[a-z0-9.:-]+ GET (?!\\S*/\\.)'
  return block('map "$http_host $request" $edge_plain', [
    'default "";',
    ...ownPaths.map((path) => `"${start}${path} " "";`),
    ...distribution.behaviours.map((behaviour) => {
      const path = `(?<edge_plain_path>${patternExpression(behaviour.pathPattern)})`
      return `"${start}${path} HTTP/1" "${isPlainBehaviour(behaviour) ? `${behaviour.index}$edge_plain_path` : ''}";`
    }),
  ])
}

/** CloudFront's wildcards as a regular expression that matches paths of unreserved characters. */
function patternExpression(pattern: string): string {
  const rooted = pattern.startsWith('/') ? pattern : `/${pattern}`
  return rooted
    .replaceAll(/[.+()[\]^$|{}\\]/g, '\\$&')
    .replaceAll('?', '[\\w.~/-]')
    .replaceAll('*', '[\\w.~/-]*')
}

/**
 * The cookies of a signature, where they are there once, one after the other. nginx's own `$cookie_…` does not match names with
 * hyphens; and a `map` would hash all cookies first.
 */
export function plainCookies(): string[] {
  const other = '(?!CloudFront-)[^;]*+'
  const cookies = [
    'CloudFront-Policy=(?<edge_plain_policy>(?<edge_plain_policy_digits>[A-Za-z0-9]++)_{0,2})',
    'CloudFront-Signature=(?<edge_plain_signature>[A-Za-z0-9~_-]++)',
    'CloudFront-Key-Pair-Id=(?<edge_plain_key_pair_id>[A-Za-z0-9]++)',
    'CloudFront-Hash-Algorithm=SHA256',
  ]
  return block(`if ($http_cookie ~ "^(?:${other}; )*+${cookies.join('; ')}(?:; ${other})*+$")`, [
    'set $edge_plain_cookies 1;',
  ])
}
