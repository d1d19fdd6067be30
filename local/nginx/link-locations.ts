import { downloadPaths } from '../assets/secure-link.ts'
import { changeableHeaders } from '../edge/build.ts'
import type { Behaviour, Distribution } from '../template/model.ts'
import { viewerHeader } from './locations.ts'
import type { NginxPlan } from './plan.ts'
import { problemAnswer } from './problem-answer.ts'
import { block } from './text.ts'

/**
 * Download links: `/assets/private/<key>` with `md5` and `expires`, `/assets/public/<key>` without. nginx checks them itself
 * (https://nginx.org/en/docs/http/ngx_http_secure_link_module.html); what it then sends carries the same headers as the same file
 * below its own path.
 */
export function linkLocations(plan: NginxPlan): string[] {
  const { assets, distribution } = plan
  if (assets === undefined) return []
  return [
    ...readBehaviours(distribution).flatMap(({ behaviour, prefix }) =>
      behaviour.signed ? privateLocation(behaviour, prefix, assets.linkSecret) : publicLocation(behaviour, prefix),
    ),
    // An app that lives here may have files of its own below `/assets/`.
    ...(assets.beside ? [] : block('location ^~ /assets/', ['return 403;', 'error_page 403 = @link-invalid;'])),
    ...(assets.beside ? [] : block('location = /health', ['default_type text/plain;', "return 200 'ok\\n';"])),
    ...block('location @link-invalid', problemAnswer(plan, 'ERR_LINK_INVALID')),
    ...block('location @link-expired', problemAnswer(plan, 'ERR_LINK_EXPIRED')),
  ]
}

/**
 * What a link signs: its path and, where it has one, the parameter that names the file; for a folder the prefix and a `*`, which no
 * path holds. The path of a folder link is compared as it was sent, so it must be literal (`$edge_literal_key`).
 */
export function linkMaps(): string[] {
  return [
    ...block('map $request_uri $edge_raw_path', ['default "";', '"~^(?<edge_sent_path>[^?]*)" $edge_sent_path;']),
    ...block('map $args $edge_link_name', [
      'default "";',
      '"~(?:^|&)(?<edge_sent_name>response-content-disposition=[^&]*)" "?$edge_sent_name";',
    ]),
    ...block('map "$edge_literal_key|$arg_prefix|$edge_raw_path" $edge_link_folder', [
      'default "";',
      '"~^1\\|(?<edge_sent_prefix>[^|*]+/)\\|\\k<edge_sent_prefix>" "$edge_sent_prefix*";',
    ]),
    ...block('map $edge_link_folder $edge_link_subject', ['default $edge_link_folder;', '"" "$uri$edge_link_name";']),
  ]
}

/** Behaviours that read the bucket below one prefix: `/users/*`. */
function readBehaviours(distribution: Distribution): Array<{ behaviour: Behaviour; prefix: string }> {
  return distribution.behaviours.flatMap((behaviour) => {
    const prefix = /^\/?([A-Za-z0-9._~/-]+\/)\*$/.exec(behaviour.pathPattern)?.[1]
    if (behaviour.origin.kind !== 'bucket' || prefix === undefined || prefix.startsWith('_')) return []
    return [{ behaviour, prefix }]
  })
}

function privateLocation(behaviour: Behaviour, prefix: string, secret: string): string[] {
  return block(`location ^~ ${downloadPaths.private}${prefix}`, [
    'secure_link $arg_md5,$arg_expires;',
    `secure_link_md5 "$secure_link_expires$edge_link_subject ${secret}";`,
    'error_page 403 = @link-invalid;',
    'error_page 410 = @link-expired;',
    'if ($secure_link = "") { return 403; }',
    'if ($secure_link = "0") { return 410; }',
    ...readFrom(behaviour, `${downloadPaths.private}`, '/'),
  ])
}

function publicLocation(behaviour: Behaviour, prefix: string): string[] {
  if (prefix !== 'public/') return []
  return block(`location ^~ ${downloadPaths.public}`, readFrom(behaviour, downloadPaths.public, '/public/'))
}

function readFrom(behaviour: Behaviour, from: string, to: string): string[] {
  return [
    'if ($request_method !~ ^(GET|HEAD)$) { return 405; }',
    `set $edge_behaviour ${behaviour.index};`,
    `rewrite ^${from}(.*)$ ${behaviour.origin.path}${to}$1 break;`,
    'proxy_pass_request_headers off;',
    'proxy_pass_request_body off;',
    'proxy_set_header Connection "";',
    'proxy_set_header Content-Length "";',
    'proxy_set_header Host bucket.local;',
    ...changeableHeaders.map((name) => `proxy_set_header ${name} ${viewerHeader(name)};`),
    'js_header_filter main.finishLink;',
    'proxy_pass http://bucket;',
  ]
}
