import { fileURLToPath } from 'node:url'
import { conditionHeaders } from '../../local/cloudfront/edge-config.ts'
import { viewerHeader } from '../../local/cloudfront/locations.ts'
import { refuseHeaderless } from '../../local/cloudfront/nginx.ts'
import type { NginxAddition } from '../../local/cloudfront/plan.ts'
import type { Distribution } from '../../local/cloudfront/template/model.ts'
import { block } from '../../local/nginx/text.ts'
import type { FunctionProblem, FunctionReaders } from '../../shared/read/function-problem.ts'
import { downloadPaths } from './link.ts'

/** Everything that nginx decides on download links with: JSON, handed over by `js_preload_object linkConfig`. */
export interface LinkConfig {
  readonly secret: string
  readonly readers: FunctionReaders
  readonly problems: Readonly<Record<'invalid' | 'expired' | 'unavailable', FunctionProblem>>
  /** Logical ids of the deployed functions. */
  readonly guard: string
  readonly headers: string
}

/** Download links as a part of nginx's configuration. */
export function linkAddition(linkConfig: LinkConfig, distribution: Distribution, beside: boolean): NginxAddition {
  return {
    http: ['js_set $edge_link_decision main.decideLink;'],
    locations: linkLocations(distribution, beside),
    modules: [
      {
        name: 'links',
        entry: fileURLToPath(new URL('./links.ts', import.meta.url)),
        decisions: ['decideLink'],
        handlers: ['respondLink', 'finishLink'],
      },
    ],
    preloads: { linkConfig },
  }
}

/**
 * Download links: `/assets/private/<key>` with `md5` and `expires`, `/assets/public/<key>` without. njs decides on them
 * (`server/nginx/links.ts`); nothing of a request reaches a regular expression or a comparison of nginx.
 */
function linkLocations(distribution: Distribution, beside: boolean): string[] {
  const decision = [...refuseHeaderless, 'set $edge_decided $edge_link_decision;', 'rewrite ^ $edge_target? last;']
  // An app that lives here may have files of its own below `/assets/`.
  const paths = beside ? linkFolders(distribution) : ['/assets/']
  return [
    ...paths.flatMap((path) => block(`location ^~ ${path}`, decision)),
    ...(beside ? [] : block('location = /health', ['default_type text/plain;', "return 200 'ok\\n';"])),
    ...block('location = respond-link', ['internal;', 'js_content main.respondLink;']),
    ...block('location = link', [
      'internal;',
      'proxy_pass_request_headers off;',
      'proxy_pass_request_body off;',
      'proxy_set_header Connection "";',
      'proxy_set_header Content-Length "";',
      'proxy_set_header Host bucket.local;',
      ...conditionHeaders.map((name) => `proxy_set_header ${name} ${viewerHeader(name)};`),
      'js_header_filter main.finishLink;',
      'proxy_pass http://bucket$edge_uri;',
    ]),
  ]
}

/** Paths of links: those that the bucket serves below one prefix (`/users/*`), without Edge Signer's own pages. */
function linkFolders(distribution: Distribution): string[] {
  return distribution.behaviours.flatMap(({ origin, pathPattern }) => {
    const prefix = /^\/?([A-Za-z0-9._~/-]+\/)\*$/.exec(pathPattern)?.[1]
    if (origin.kind !== 'bucket' || prefix === undefined || prefix.startsWith('_')) return []
    return [prefix === 'public/' ? downloadPaths.public : downloadPaths.private + prefix]
  })
}
