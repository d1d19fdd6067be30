import { matchesResource } from '../../shared/cloudfront/resource-match.ts'
import { earlyRefusals } from '../nginx/problem-answer.ts'
import { block, quotePath, upstream } from '../nginx/text.ts'
import { changeableHeadersOf } from './edge-config.ts'
import { behaviourLocations, errorPageLocations, signatureCheck, upstreamName } from './locations.ts'
import { changedHeaderVariable } from './njs/njs.ts'
import type { NginxPlan } from './plan.ts'
import type { Behaviour, Distribution } from './template/model.ts'

/** The whole `nginx.conf` of a stage. */
export function nginxConfig(plan: NginxPlan): string {
  const { run } = plan.directories
  return [
    '# Generated from the packaged template; changes here are lost at the next start.',
    `load_module ${quotePath(plan.njsModule)};`,
    ...(plan.asRoot ? ['user root;'] : []),
    'daemon off;',
    'worker_processes auto;',
    'pcre_jit on;',
    `pid ${quotePath(`${run}/nginx.pid`)};`,
    // The parent process reads it, and writes it to a file without tokens (`local/nginx/error-log.ts`).
    'error_log stderr warn;',
    `worker_rlimit_nofile ${plan.connections.files};`,
    ...block('events', [`worker_connections ${plan.connections.perWorker};`]),
    ...block('http', [
      ...['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'].map(
        (name) => `${name}_temp_path ${quotePath(`${run}/temp/${name}`)};`,
      ),
      'access_log off;',
      'server_tokens off;',
      // No `tcp_nopush`: it delays the last bytes of a range by up to 40 ms.
      'sendfile on;',
      'tcp_nodelay on;',
      'keepalive_requests 1000000;',
      // A stage with many Lambda@Edge behaviours has a variable for each header of each behaviour.
      'variables_hash_max_size 4096;',
      ...buffers,
      `proxy_cache_path ${quotePath(`${run}/temp/signatures`)} levels=1:2 keys_zone=signatures:4m inactive=10s max_size=16m use_temp_path=off;`,
      ...edgeScripts(plan),
      ...conditionMaps,
      ...upstreams(plan),
      ...plan.additions.flatMap(({ http = [] }) => http),
      ...plan.listener.http,
      ...edgeServer(plan),
    ]),
    '',
  ].join('\n')
}

/**
 * Eight grants are 40 cookies in a response, and as many in a request beside the viewer's other headers. With its default buffers
 * nginx would respond 400 and 502.
 */
const buffers = [
  'client_header_buffer_size 4k;',
  'large_client_header_buffers 8 64k;',
  'proxy_http_version 1.1;',
  'proxy_set_header Connection "";',
  'proxy_buffer_size 64k;',
  'proxy_buffers 8 64k;',
  'proxy_busy_buffers_size 128k;',
  'proxy_max_temp_file_size 0;',
]

/** An entity tag overrides the date beside it (RFC 9110 section 13.2.2). nginx would require both to match. */
const conditionMaps = [
  ...block('map $http_if_none_match $edge_if_modified_since', ['default "";', '"" $http_if_modified_since;']),
  ...block('map $http_if_match $edge_if_unmodified_since', ['default "";', '"" $http_if_unmodified_since;']),
]

function upstreams({ distribution, sockets }: NginxPlan): string[] {
  return [
    ...upstream('bucket', `unix:${sockets.bucket}`),
    ...upstream('verifier', `unix:${sockets.verifier}`),
    ...upstream('dev_pages', `unix:${sockets.devPages}`),
    ...Object.entries(sockets.lambdas).flatMap(([id, socket]) => upstream(`lambda_${id}`, `unix:${socket}`)),
    ...distribution.origins.flatMap((origin) => {
      const address = sockets.origins[origin.id]
      return address === undefined ? [] : upstream(upstreamName(origin), address)
    }),
  ]
}

/** The variables that hold a signature, one for each header of the request to the verifier. */
const signingVariables = ['key_pair_id', 'hash_algorithm', 'signature', 'policy', 'unmatched_url']

/** The njs modules, their configuration, and the variables through which they and nginx exchange values. */
function edgeScripts(plan: NginxPlan): string[] {
  const changed = new Set(plan.distribution.behaviours.flatMap(changeableHeadersOf))
  return [
    `js_path ${quotePath(plan.directories.njs)};`,
    'js_import main from main.js;',
    `js_preload_object edge from ${quotePath(`${plan.directories.njs}/edge.json`)};`,
    `js_preload_object keyValueStore from ${quotePath(`${plan.directories.njs}/key-value-store.json`)};`,
    ...plan.additions
      .flatMap(({ preloads = {} }) => Object.keys(preloads))
      .map((name) => `js_preload_object ${name} from ${quotePath(`${plan.directories.njs}/${name}.json`)};`),
    'js_set $edge_decision main.decide;',
    ...[...changed].map((name) => `js_var $${changedHeaderVariable(name)};`),
    'js_var $edge_target undecided;',
    'js_set $edge_range main.range;',
    ...['behaviour', 'code', 'reason', 'uri', 'verdict', 'page_behaviour', 'signature_key', ...signingVariables].map(
      (name) => `js_var $edge_${name};`,
    ),
  ]
}

/** Refuses HTTP/0.9, whose requests name no protocol: a response has no headers, so none that protects. */
export const refuseHeaderless: readonly string[] = block('if ($server_protocol = "")', ['return 400;'])

/** The directives that ask njs which location serves the request. */
export const decideLocation: readonly string[] = [
  ...refuseHeaderless,
  'set $edge_decided $edge_decision;',
  'rewrite ^ $edge_target? last;',
]

/** The server that emulates CloudFront: njs decides on each request, and nginx carries the decision out. */
function edgeServer(plan: NginxPlan): string[] {
  const { distribution, listener } = plan
  return block('server', [
    ...listener.server,
    ...listener.headers,
    ...earlyRefusals(listener.headers),
    // CloudFront keeps empty path segments, so nginx must not match a path as if they were not there.
    'merge_slashes off;',
    'recursive_error_pages on;',
    'client_max_body_size 0;',
    ...plan.additions.flatMap(({ locations = [] }) => locations),
    ...block('location /', decideLocation),
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
    // The initial value of `$edge_target`, for a function that never settles.
    ...block('location = undecided', ['internal;', 'return 503;']),
    ...block('location = bad-request', ['internal;', 'return 400;']),
    ...block('location = too-large', ['internal;', 'js_content main.tooLarge;']),
    ...block('location @lambda-unreachable', ['internal;', 'return 503;']),
    ...block('location = own', [
      'internal;',
      'proxy_set_header Host $http_host;',
      'proxy_pass http://dev_pages$request_uri;',
    ]),
    ...verifyLocation(),
  ])
}

/**
 * Asks the verifier. nginx caches the response for a second under a digest of everything that it depends on
 * (`local/cloudfront/njs/decide.ts`). Conditions that depend on the time or on this request alone were checked before.
 */
function verifyLocation(): string[] {
  return block('location = verify', [
    'internal;',
    'proxy_pass_request_headers off;',
    'proxy_pass_request_body off;',
    'proxy_set_header Connection "";',
    'proxy_set_header Content-Length "";',
    ...signingVariables.map((name) => `proxy_set_header X-Edge-${name.replaceAll('_', '-')} $edge_${name};`),
    // The response is small, and nginx would allocate the large buffers for each request.
    'proxy_buffer_size 8k;',
    'proxy_buffers 4 8k;',
    'proxy_busy_buffers_size 16k;',
    'proxy_cache signatures;',
    'proxy_cache_key $edge_signature_key;',
    'proxy_cache_valid 204 401 1s;',
    'proxy_pass http://verifier/;',
  ])
}

/** Returns the behaviour that serves the path of an error page, in CloudFront's order. */
function behaviourFor(distribution: Distribution, path: string): Behaviour {
  const found = distribution.behaviours.find(({ pathPattern }) => matchesResource(pathPattern, path))
  return found ?? (distribution.behaviours.at(-1) as Behaviour)
}
