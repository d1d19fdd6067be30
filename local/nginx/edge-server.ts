import { matchesResource } from '../../shared/cloudfront/resource-match.ts'
import { changedHeaderVariable } from '../edge/changed-header.ts'
import type { Behaviour, Distribution } from '../template/model.ts'
import { changeableHeadersOf } from './forwarded-headers.ts'
import { linkLocations } from './link-locations.ts'
import { behaviourLocations, errorPageLocations, signatureCheck } from './locations.ts'
import { plainCookies } from './plain-requests.ts'
import type { NginxPlan } from './plan.ts'
import { publicHeaders } from './problem-answer.ts'
import { block, quotePath } from './text.ts'
import { uploadLocations } from './upload-locations.ts'

/** The tier that stands for CloudFront: njs decides on each request, nginx carries it out. */
export function edgeServer(plan: NginxPlan): string[] {
  const { distribution, production } = plan
  return block('server', [
    ...listens(plan),
    ...(production === undefined ? [] : publicServer(production)),
    ...publicHeaders(plan),
    // CloudFront keeps empty segments, so a path with them must not be matched as if they were not there.
    'merge_slashes off;',
    'recursive_error_pages on;',
    'client_max_body_size 0;',
    ...uploadLocations(plan),
    ...linkLocations(plan),
    ...block('location /', [...plainCookies(), 'set $edge_decided $edge_decision;', 'rewrite ^ $edge_target? last;']),
    ...distribution.behaviours.flatMap((behaviour) =>
      behaviourLocations(behaviour, distribution, plan.unknowns.preflight === 'pass'),
    ),
    ...errorPageLocations(distribution, (path) => behaviourFor(distribution, path)),
    ...block('location = respond', ['internal;', 'js_content main.respond;']),
    ...block('location = respond-signed', [
      'internal;',
      ...signatureCheck({ signed: true }, distribution),
      'js_content main.respond;',
    ]),
    ...block('location = refuse', ['internal;', 'js_content main.refuse;']),
    ...block('location @refuse', ['js_content main.refuse;']),
    // Reached where the decision never ended: a function that waits for something that cannot come.
    ...block('location = undecided', ['internal;', 'return 503;']),
    ...block('location = bad-request', ['internal;', 'return 400;']),
    ...block('location @lambda-unreachable', ['internal;', 'return 503;']),
    ...block('location = own', [
      'internal;',
      'proxy_set_header Host $http_host;',
      'proxy_pass http://own$request_uri;',
    ]),
    ...verifyLocation('verify', '$edge_signed'),
    ...verifyLocation('verify-plain', '"$edge_plain_key_pair_id SHA256 $edge_plain_signature $edge_plain_policy"'),
  ])
}

/** njs: the modules, their configuration, the variables through which they speak with nginx. */
export function edgeScripts(plan: NginxPlan): string[] {
  const changed = new Set(plan.distribution.behaviours.flatMap(changeableHeadersOf))
  return [
    `js_path ${quotePath(plan.directories.njs)};`,
    'js_import main from main.js;',
    `js_preload_object edge from ${quotePath(`${plan.directories.njs}/edge.json`)};`,
    `js_preload_object keyValueStore from ${quotePath(`${plan.directories.njs}/key-value-store.json`)};`,
    'js_set $edge_decision main.decide;',
    ...[...changed].map((name) => `js_var $${changedHeaderVariable(name)};`),
    'js_var $edge_target undecided;',
    ...['behaviour', 'code', 'reason', 'signed', 'generation', 'uri', 'verdict', 'page_behaviour'].map(
      (name) => `js_var $edge_${name};`,
    ),
  ]
}

/**
 * Only whether a signature belongs to its policy is kept, for a second, under everything that the answer depends on; expiry,
 * `Resource` and address were checked for this very request.
 */
function verifyLocation(name: string, question: string): string[] {
  return block(`location = ${name}`, [
    'internal;',
    'proxy_pass_request_headers off;',
    'proxy_pass_request_body off;',
    'proxy_set_header Connection "";',
    'proxy_set_header Content-Length "";',
    `proxy_set_header X-Edge-Signed ${question};`,
    // The answer is small; a large buffer would be allocated for each request all the same.
    'proxy_buffer_size 8k;',
    'proxy_buffers 4 8k;',
    'proxy_busy_buffers_size 16k;',
    'proxy_cache signatures;',
    `proxy_cache_key "$edge_generation ${question.replaceAll('"', '')}";`,
    'proxy_cache_valid 204 401 1s;',
    'proxy_pass http://verifier/;',
  ])
}

/**
 * The cookies of a signature, each where it is there exactly once with a plain value. nginx's own `$cookie_…` does not match
 * names with hyphens.
 */
export function cookieMaps(): string[] {
  return ['Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm', 'Expires'].flatMap((name) => {
    const variable = `edge_cookie_${name.toLowerCase().replaceAll('-', '_')}`
    return block(`map $http_cookie $${variable}`, [
      'default "";',
      `"~CloudFront-${name}=.*CloudFront-${name}=" "";`,
      `"~(?:^|; ?)CloudFront-${name}=(?<${variable}_value>[^; ]+)(?:;|$)" $${variable}_value;`,
    ])
  })
}

/** RFC 9110 section 13.2.2: an entity tag makes the date beside it void; nginx would demand both. */
export function conditionMaps(): string[] {
  return [
    ...block('map $http_if_none_match $edge_if_modified_since', ['default "";', '"" $http_if_modified_since;']),
    ...block('map $http_if_match $edge_if_unmodified_since', ['default "";', '"" $http_if_unmodified_since;']),
  ]
}

/** Policies are made for the name that a request came to: no other name may get here. */
export function strangersServer(plan: NginxPlan): string[] {
  if (plan.production === undefined) return []
  return block('server', [...listens(plan, ' default_server'), 'server_name _;', 'return 421;'])
}

/** What is on for the public: one name, TLS as clients of today speak it, a log without query strings and cookies. */
function publicServer({ host, logs }: NonNullable<NginxPlan['production']>): string[] {
  return [
    `server_name ${host};`,
    'ssl_protocols TLSv1.2 TLSv1.3;',
    'ssl_session_cache shared:tls:4m;',
    `access_log ${quotePath(`${logs}/access.log`)} plain;`,
  ]
}

/** Signatures stand in query strings and cookies: neither may be in a log. */
export function logFormat({ production }: NginxPlan): string[] {
  if (production === undefined) return []
  return [
    `log_format plain '$remote_addr [$time_iso8601] $request_method $edge_raw_path $status $body_bytes_sent $request_time';`,
  ]
}

function listens({ port, ipv6, tls, production }: NginxPlan, options = ''): string[] {
  const ssl = `${tls === undefined ? '' : ' ssl'}${options}`
  return [
    `listen ${production === undefined ? '127.0.0.1:' : ''}${port}${ssl};`,
    ...(ipv6 ? [`listen [::${production === undefined ? '1' : ''}]:${port}${ssl};`] : []),
    ...(tls === undefined
      ? []
      : [`ssl_certificate ${quotePath(tls.certificate)};`, `ssl_certificate_key ${quotePath(tls.key)};`]),
  ]
}

/** The behaviour that serves a path of our own, in CloudFront's order. */
function behaviourFor(distribution: Distribution, path: string): Behaviour {
  const found = distribution.behaviours.find(({ pathPattern }) => matchesResource(pathPattern, path))
  return found ?? (distribution.behaviours.at(-1) as Behaviour)
}
