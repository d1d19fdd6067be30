import { block } from '../nginx/text.ts'
import { forwardedHeaders } from './edge-config.ts'
import { changedHeaderVariable } from './njs/njs.ts'
import type { Behaviour, Distribution, ErrorPage, Origin } from './template/model.ts'

/**
 * The nginx locations of the edge. Their names have no leading slash, so no request reaches one except through the edge's decision.
 */

const hidden = ['proxy_pass_request_headers off;', 'proxy_pass_request_body off;']
const bodyless = ['proxy_set_header Content-Length "";', 'proxy_set_header Transfer-Encoding "";']

/** Returns the locations of one behaviour. */
export function behaviourLocations(
  behaviour: Behaviour,
  distribution: Distribution,
  preflightPasses: boolean,
): string[] {
  const { index } = behaviour
  if (behaviour.viewerRequest?.kind === 'lambda-edge') return lambdaLocations(behaviour, distribution)
  const signed = signatureCheck(behaviour, distribution)
  const plain = ['internal;', ...originErrors(distribution), ...originPass(behaviour, (name) => viewerHeader(name))]
  const changed = [
    'internal;',
    ...originErrors(distribution),
    ...originPass(behaviour, (name) => `$${changedHeaderVariable(name)}`),
  ]
  const canChange = behaviour.viewerRequest !== undefined && behaviour.forward.headers !== 'all'
  return [
    ...block(`location = behaviour${index}`, [...signed, ...plain]),
    ...(canChange ? block(`location = behaviour${index}-changed`, [...signed, ...changed]) : []),
    ...(preflightPasses && behaviour.signed
      ? [
          ...block(`location = behaviour${index}-open`, plain),
          ...(canChange ? block(`location = behaviour${index}-open-changed`, changed) : []),
        ]
      : []),
  ]
}

/** Directives that ask the verifier. njs has checked the policy's conditions before. */
export function signatureCheck(behaviour: Pick<Behaviour, 'signed'>, distribution: Distribution): string[] {
  if (!behaviour.signed) return []
  const page = distribution.errorPages.find(({ errorCode }) => errorCode === 403)
  return [
    'auth_request verify;',
    'auth_request_set $edge_verdict $upstream_http_x_edge_verdict;',
    // The verifier responds 401, so that an origin's 403 is not mistaken for a refused signature.
    `error_page 401 =${page === undefined ? ' @refuse' : `${page.responseCode} @page403`};`,
  ]
}

/** Asks the Lambda@Edge function first. It responds itself, or with `X-Accel-Redirect` to forward the request to the origin. */
function lambdaLocations(behaviour: Behaviour, distribution: Distribution): string[] {
  const { index, viewerRequest } = behaviour
  if (viewerRequest?.kind !== 'lambda-edge') return []
  const names = behaviour.forward.headers === 'all' ? [] : forwardedHeaders(behaviour)
  const variable = (name: string) => `$edge_forwarded_${name.replaceAll('-', '_')}`
  const upstream = (name: string) => `$upstream_http_x_edge_header_${name.replaceAll('-', '_')}`
  return [
    ...block(`location = lambda${index}`, [
      'internal;',
      // Node's parser would answer such bytes with an empty 400.
      ...block('if ($request_uri ~ "[^!-~]")', ['rewrite ^ bad-request? last;']),
      ...signatureCheck(behaviour, distribution),
      ...(viewerRequest.includeBody ? [] : ['proxy_pass_request_body off;', ...bodyless]),
      'proxy_set_header Connection "";',
      'proxy_set_header Host $http_host;',
      `proxy_set_header X-Edge-Behaviour ${index};`,
      'proxy_set_header X-Edge-Viewer-Address $remote_addr;',
      'proxy_set_header X-Edge-Request-Id $request_id;',
      'proxy_read_timeout 7s;',
      'error_page 502 504 = @lambda-unreachable;',
      `proxy_pass http://lambda_${viewerRequest.logicalId}$request_uri;`,
    ]),
    ...block(`location @forwarded${index}`, [
      'set $edge_uri $upstream_http_x_edge_uri;',
      ...names.map((name) => `set ${variable(name)} ${upstream(name)};`),
      ...originErrors(distribution),
      ...originPass(behaviour, variable),
    ]),
  ]
}

/** Returns the locations of the custom error pages, fetched without functions and without any part of the viewer's request. */
export function errorPageLocations(distribution: Distribution, behaviourOf: (path: string) => Behaviour): string[] {
  return distribution.errorPages.flatMap((page) => {
    const behaviour = behaviourOf(page.path)
    return [
      ...block(`location = page${page.errorCode}`, [
        'internal;',
        `error_page ${page.errorCode} =${page.responseCode} @page${page.errorCode};`,
        `return ${page.errorCode};`,
      ]),
      ...block(`location @page${page.errorCode}`, pageDirectives(page, behaviour)),
    ]
  })
}

function pageDirectives(page: ErrorPage, behaviour: Behaviour): string[] {
  return [
    `set $edge_page_behaviour ${behaviour.index};`,
    `set $edge_uri ${behaviour.origin.path}${page.path};`,
    'proxy_method GET;',
    ...hidden,
    ...bodyless,
    'proxy_set_header Connection "";',
    `proxy_set_header Host ${originHost(behaviour.origin)};`,
    // If the page cannot be fetched, the viewer gets the original error.
    'proxy_intercept_errors on;',
    'error_page 400 401 403 404 405 416 500 502 503 504 = @refuse;',
    'js_header_filter main.finishPage;',
    `proxy_pass http://${upstreamName(behaviour.origin)}$edge_uri;`,
  ]
}

/** Directives that replace the origin's errors by their custom pages. */
function originErrors(distribution: Distribution): string[] {
  if (distribution.errorPages.length === 0) return []
  return [
    'proxy_intercept_errors on;',
    ...distribution.errorPages.map(
      ({ errorCode, responseCode }) => `error_page ${errorCode} =${responseCode} @page${errorCode};`,
    ),
  ]
}

/** Directives that forward the request, with the headers that the behaviour's policies allow. */
function originPass(behaviour: Behaviour, headerValue: (name: string) => string): string[] {
  const { forward, origin } = behaviour
  const host = forward.host ? '$http_host' : originHost(origin)
  const common = ['js_header_filter main.finish;', 'proxy_set_header Connection "";', `proxy_set_header Host ${host};`]
  const pass = `proxy_pass http://${upstreamName(origin)}$edge_uri;`
  if (forward.headers === 'all') {
    const cookies = forward.cookies === 'all' ? [] : ['proxy_set_header Cookie "";']
    return [
      ...common,
      ...cookies,
      'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
      'proxy_request_buffering off;',
      pass,
    ]
  }
  return [
    ...common,
    'proxy_pass_request_headers off;',
    ...(origin.kind === 'bucket'
      ? ['proxy_pass_request_body off;', ...bodyless]
      : ['proxy_set_header Content-Type $content_type;', 'proxy_set_header Content-Length $content_length;']),
    ...forwardedHeaders(behaviour).map((name) => `proxy_set_header ${name} ${headerValue(name)};`),
    pass,
  ]
}

/** Returns the variable that holds a viewer's header in the form in which an origin gets it. */
export function viewerHeader(name: string): string {
  if (name === 'range') return '$edge_range'
  if (name === 'if-modified-since' || name === 'if-unmodified-since') return `$edge_${name.replaceAll('-', '_')}`
  return `$http_${name.replaceAll('-', '_')}`
}

/** Returns the `Host` that an origin gets. */
function originHost(origin: Origin): string {
  return origin.kind === 'custom' ? origin.domainName : `${origin.id}.local`
}

/** Returns the name of an origin's `upstream`. */
export function upstreamName(origin: Origin): string {
  return origin.kind === 'bucket' ? 'bucket' : `origin_${origin.id.replace(/[^A-Za-z0-9]/g, '_')}`
}
