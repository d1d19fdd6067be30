import { devLoginPath } from '../hosts/dev-login.ts'
import { overviewPath } from '../hosts/own-pages.ts'
import { bucketServer, literalKeyMap } from './bucket-server.ts'
import { conditionMaps, cookieMaps, edgeScripts, edgeServer, logFormat, strangersServer } from './edge-server.ts'
import { linkMaps } from './link-locations.ts'
import { upstreamName } from './locations.ts'
import { plainRequestMap } from './plain-requests.ts'
import type { NginxPlan } from './plan.ts'
import { block, quotePath } from './text.ts'
import { uploadMaps } from './upload-locations.ts'

/** The whole `nginx.conf` of the emulation. */
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
    `error_log ${quotePath(`${plan.production?.logs ?? `${run}/logs`}/error.log`)} warn;`,
    ...block('events', ['worker_connections 1024;']),
    ...block('http', [
      ...['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'].map(
        (name) => `${name}_temp_path ${quotePath(`${run}/temp/${name}`)};`,
      ),
      'access_log off;',
      'server_tokens off;',
      // No `tcp_nopush`: it holds the last piece of a range back for up to 40 ms.
      'sendfile on;',
      'tcp_nodelay on;',
      'keepalive_requests 1000000;',
      // A stage with many behaviours of Lambda@Edge has a variable for each header of each.
      'variables_hash_max_size 4096;',
      ...buffers,
      `proxy_cache_path ${quotePath(`${run}/temp/signatures`)} levels=1:2 keys_zone=signatures:4m inactive=10s max_size=16m use_temp_path=off;`,
      ...edgeScripts(plan),
      ...cookieMaps(),
      ...plainRequestMap(plan.distribution, [devLoginPath, overviewPath]),
      ...conditionMaps(),
      ...literalKeyMap(),
      ...(plan.assets === undefined
        ? []
        : ['js_import declaredType from declared-type.js;', ...linkMaps(), ...uploadMaps(plan.assets)]),
      ...upstreams(plan),
      ...logFormat(plan),
      ...strangersServer(plan),
      ...edgeServer(plan),
      ...bucketServer(plan),
    ]),
    '',
  ].join('\n')
}

/**
 * Eight grants are 40 cookies in a response and as many in a request, beside whatever else a viewer sends: nginx's own limits
 * would answer 400 and 502.
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

function upstreams({ distribution, sockets, assets }: NginxPlan): string[] {
  const upstream = (name: string, address: string) =>
    block(`upstream ${name}`, [`server ${address} max_fails=0;`, 'keepalive 64;', 'keepalive_requests 1000000;'])
  return [
    ...upstream('bucket', `unix:${sockets.bucket}`),
    ...upstream('verifier', `unix:${sockets.verifier}`),
    ...upstream('own', `unix:${sockets.own}`),
    ...(assets === undefined
      ? []
      : [
          ...upstream('uploads', `unix:${assets.uploadSocket}`),
          ...upstream('upload_fallback', `unix:${assets.fallbackSocket}`),
        ]),
    ...Object.entries(sockets.lambdas).flatMap(([id, socket]) => upstream(`lambda_${id}`, `unix:${socket}`)),
    ...distribution.origins.flatMap((origin) => {
      const address = sockets.origins[origin.id]
      return address === undefined ? [] : upstream(upstreamName(origin), address)
    }),
  ]
}
