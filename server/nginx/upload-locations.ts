import { fileURLToPath } from 'node:url'
import { decideLocation } from '../../local/cloudfront/nginx.ts'
import type { NginxAddition } from '../../local/cloudfront/plan.ts'
import { problemAnswer, problemText } from '../../local/nginx/problem-answer.ts'
import { block, upstream } from '../../local/nginx/text.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { preflightMaxAge, requestHeaders } from '../../shared/read/cors.ts'
import { uploadPath } from '../upload-paths.ts'
import { originPattern } from '../uploads/tusd.ts'

/** Uploads as a part of nginx's configuration. */
export function uploadAddition(plan: UploadPlan): NginxAddition {
  return {
    http: [
      ...uploadMaps(plan),
      ...upstream('uploads', `unix:${plan.uploadSocket}`),
      ...upstream('upload_fallback', `unix:${plan.fallbackSocket}`),
    ],
    locations: uploadLocations(plan),
    files: [fileURLToPath(new URL('./upload-problem.js', import.meta.url))],
  }
}

/**
 * The upload server behind nginx. Bytes pass straight through: nothing is stored twice, and no limit stands here, because the
 * ticket's length is the limit.
 */
function uploadLocations(plan: UploadPlan): string[] {
  const { host, protocol } = new URL(plan.origin)
  const headers = [...plan.headers, ...uploadHeaders]
  const later = (seconds: number) => [...headers, `add_header Retry-After ${seconds} always;`]
  return [
    // Without this, nginx would redirect the path without its slash.
    ...block(`location = ${uploadPath.slice(0, -1)}`, decideLocation),
    ...block(`location ^~ ${uploadPath}`, [
      // Uploads are written here and read elsewhere, where the read path checks: GET is among what is answered without asking.
      'if ($edge_upload_answer) { rewrite ^ $edge_upload_answer? last; }',
      'proxy_request_buffering off;',
      // Read and passed on in pieces of this size.
      'client_body_buffer_size 256k;',
      'proxy_buffering off;',
      // A slow client may pause between two pieces; a creation may wait for a checksum.
      'proxy_read_timeout 300s;',
      'proxy_send_timeout 300s;',
      'client_body_timeout 300s;',
      'proxy_set_header Connection "";',
      // `Location` is made of these: where clients reach this server, whatever port they name in `Host`.
      `proxy_set_header Host ${host};`,
      `proxy_set_header X-Forwarded-Host ${host};`,
      `proxy_set_header X-Forwarded-Proto ${protocol.slice(0, -1)};`,
      'proxy_set_header X-Forwarded-For $remote_addr;',
      'proxy_set_header Forwarded "";',
      'proxy_set_header Tus-Resumable $edge_tus_resumable;',
      'proxy_set_header X-Edge-Request-Id $request_id;',
      'proxy_intercept_errors on;',
      // 403 is what the embedded server says where tusd says 400, the hooks never do; 503 is a refusal with a body of ours.
      'error_page 403 = @upload-invalid;',
      'error_page 500 = @upload-failed;',
      'error_page 502 504 = @upload-paused;',
      'proxy_hide_header Content-Type;',
      'js_header_filter uploadProblem.describe;',
      'js_body_filter uploadProblem.replace;',
      'proxy_pass http://uploads;',
      // What an `if` says of errors stands in place of the above.
      ...block('if ($request_method = POST)', [
        'error_page 403 = @upload-invalid;',
        'error_page 500 = @upload-fallback;',
        'error_page 502 504 = @upload-paused;',
      ]),
      // A client that meets 5xx on HEAD takes the upload for lost and starts over from 0; 423 it asks again.
      ...block('if ($request_method = HEAD)', [
        'error_page 404 = @upload-fallback;',
        'error_page 500 502 503 504 = @upload-paused;',
      ]),
    ]),
    ...block('location @upload-fallback', [
      'proxy_pass_request_body off;',
      'proxy_set_header Content-Length "";',
      'proxy_set_header Connection "";',
      'proxy_set_header X-Edge-Request-Id $request_id;',
      'error_page 502 504 = @upload-paused;',
      'proxy_pass http://upload_fallback;',
    ]),
    ...uploadAnswers(plan),
    ...block('location @upload-invalid', problemAnswer('ERR_REQUEST_INVALID', headers)),
    ...block('location @upload-paused', problemAnswer('ERR_UPLOAD_PAUSED', later(1))),
    // The upload server could not write, and its own words name paths. Whatever has arrived is kept.
    ...block('location @upload-failed', problemAnswer('ERR_STORE_UNAVAILABLE', later(5))),
  ]
}

/** A library that writes the header itself, told to send the ticket's as well, sends two: in a browser that is one, `1.0.0, 1.0.0`. */
function uploadMaps(plan: UploadPlan): string[] {
  return [
    'js_import uploadProblem from upload-problem.js;',
    'js_var $edge_upload_replaced;',
    ...block('map $http_tus_resumable $edge_tus_resumable', [
      'default $http_tus_resumable;',
      '"~^1\\.0\\.0(, ?1\\.0\\.0)+$" 1.0.0;',
    ]),
    ...uploadAnswerMaps(plan),
  ]
}

/** Everything that nginx passes uploads on with. */
interface UploadPlan {
  /** Unix socket of the upload server. */
  readonly uploadSocket: string
  /** Answers where the upload server could not: a unix socket. */
  readonly fallbackSocket: string
  /** What URLs for clients begin with. */
  readonly origin: string
  /** The largest upload, in bytes. */
  readonly maxBytes: number
  /** Origins whose pages may upload and read the answers. A port may be `*`. */
  readonly allowedOrigins: readonly string[]
  /** The listener's `add_header` directives. */
  readonly headers: readonly string[]
}

/**
 * What is answered to uploads without asking the upload server: the protocol's questions, and what every upload server must refuse
 * alike. Its own refusals are plain text, which `upload-problem.js` makes problems of.
 */

/** What the upload servers say and what their statuses mean here; any other refusal is a bad request. */
const codes: Readonly<Record<number, ErrorCode>> = {
  404: 'ERR_UPLOAD_NOT_FOUND',
  405: 'ERR_METHOD_NOT_ALLOWED',
  409: 'ERR_UPLOAD_OFFSET',
  410: 'ERR_UPLOAD_EXPIRED',
  412: 'ERR_TUS_VERSION',
  413: 'ERR_TOO_LARGE',
  423: 'ERR_UPLOAD_PAUSED',
  501: 'ERR_NOT_IMPLEMENTED',
}

const methods = 'POST, HEAD, PATCH, DELETE, OPTIONS'
const uploadRequestHeaders = [
  ...requestHeaders,
  ...['Tus-Resumable', 'Upload-Length', 'Upload-Metadata', 'Upload-Offset'],
  ...['Upload-Concat', 'Upload-Defer-Length', 'X-HTTP-Method-Override', 'X-Request-ID', 'X-Requested-With'],
].join(', ')

/**
 * Pairs as the protocol has them (https://tus.io/protocols/resumable-upload#upload-metadata), one of them a ticket's token. A space may
 * follow a comma, as in any header that is a list.
 */
const pair = '[!-+\\--~]+(?: [A-Za-z0-9+/]*={0,2})?'
const token = ', *upload-token '
const oneTicket = `^(?!.*${token}.*${token})(?=.*${token}[A-Za-z0-9+/]+={0,2} *(?:,|$))(?:, *${pair} *)++$`

/**
 * The location of an answer of ours, by origin, method, method override, pieces and ticket; the first that fits.
 *
 * Each field of the request becomes one of a few words in a map of its own, and only those words are put together: a field that held
 * a separator would speak for the fields after it.
 */
function uploadAnswerMaps({ allowedOrigins }: Pick<UploadPlan, 'allowedOrigins'>): string[] {
  const allowed = originPattern(allowedOrigins)
  return [
    ...block('map $http_origin $edge_upload_origin', ['default "";', `"~${allowed}" $http_origin;`]),
    ...block('map $edge_upload_origin $edge_upload_credentials', ['default true;', '"" "";']),
    ...block('map $http_origin $edge_upload_from', ['default foreign;', '"" own;', `"~${allowed}" own;`]),
    ...block('map $request_method $edge_upload_method', [
      'default other;',
      ...['OPTIONS', 'POST'].map((method) => `"~^${method}$" ${method};`),
      '"~^(?:HEAD|PATCH|DELETE)$" known;',
    ]),
    ...block('map $http_x_http_method_override $edge_upload_override', [
      'default other;',
      '"" none;',
      '"~^(?:PATCH|DELETE)$" known;',
    ]),
    ...block('map $http_upload_concat $edge_upload_pieces', ['default pieces;', '"" whole;']),
    ...block('map ",$http_upload_metadata" $edge_upload_ticket', ['default unknown;', `"~${oneTicket}" ticket;`]),
    ...block(
      'map "$edge_upload_method $edge_upload_from $edge_upload_override $edge_upload_pieces $edge_upload_ticket" $edge_upload_answer',
      [
        'default "";',
        '"~^OPTIONS " upload-options;',
        '"~^[a-zA-Z]+ foreign " upload-foreign;',
        '"~^other " upload-method;',
        '"~^POST own other " upload-method;',
        '"~^POST own none pieces " upload-pieces;',
        '"~^POST own none whole unknown$" upload-unknown;',
      ],
    ),
    ...block('map $status $edge_upload_problem', [
      'default "";',
      `"~^4" ${problemText('ERR_REQUEST_INVALID')};`,
      ...Object.entries(codes).map(([status, code]) => `${status} ${problemText(code)};`),
    ]),
  ]
}

/** The locations of those answers. */
function uploadAnswers(plan: Pick<UploadPlan, 'maxBytes' | 'headers'>): string[] {
  const answer = (name: string, code: ErrorCode, more: readonly string[] = []) =>
    block(`location = upload-${name}`, problemAnswer(code, [...plan.headers, ...uploadHeaders, ...more]))
  return [
    ...block('location = upload-options', [
      'internal;',
      ...plan.headers,
      ...uploadHeaders,
      'add_header Tus-Version 1.0.0;',
      // What is refused here in every case, pieces and lengths that come later, is not among them.
      'add_header Tus-Extension creation,creation-with-upload,termination;',
      `add_header Tus-Max-Size ${plan.maxBytes};`,
      `add_header Access-Control-Allow-Methods "${methods}";`,
      `add_header Access-Control-Allow-Headers "${uploadRequestHeaders}";`,
      `add_header Access-Control-Max-Age ${preflightMaxAge};`,
      'return 204;',
    ]),
    ...answer('foreign', 'ERR_ORIGIN_REQUIRED'),
    ...answer('method', 'ERR_METHOD_NOT_ALLOWED', [`add_header Allow "${methods}" always;`]),
    ...answer('pieces', 'ERR_NOT_IMPLEMENTED'),
    ...answer('unknown', 'ERR_UPLOAD_NOT_FOUND'),
  ]
}

/** What lets a page of another origin read an answer that is ours, as it reads those of the upload server. */
const uploadHeaders: readonly string[] = [
  'add_header Tus-Resumable 1.0.0 always;',
  'add_header Vary Origin always;',
  'add_header Access-Control-Allow-Origin $edge_upload_origin always;',
  'add_header Access-Control-Allow-Credentials $edge_upload_credentials always;',
  'add_header Access-Control-Expose-Headers "Retry-After, Tus-Resumable" always;',
]
