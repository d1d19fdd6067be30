import { problemAnswer, problemText } from '../../local/nginx/problem-answer.ts'
import { block } from '../../local/nginx/text.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { originPattern } from '../uploads/tusd.ts'

/** Everything that nginx passes uploads on with. */
export interface UploadPlan {
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
const requestHeaders = [
  ...['Authorization', 'Content-Type', 'Tus-Resumable', 'Upload-Length', 'Upload-Metadata', 'Upload-Offset'],
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
export function uploadAnswerMaps({ allowedOrigins }: Pick<UploadPlan, 'allowedOrigins'>): string[] {
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
export function uploadAnswers(plan: Pick<UploadPlan, 'maxBytes' | 'headers'>): string[] {
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
      `add_header Access-Control-Allow-Headers "${requestHeaders}";`,
      'add_header Access-Control-Max-Age 86400;',
      'return 204;',
    ]),
    ...answer('foreign', 'ERR_ORIGIN_REQUIRED'),
    ...answer('method', 'ERR_METHOD_NOT_ALLOWED', [`add_header Allow "${methods}" always;`]),
    ...answer('pieces', 'ERR_NOT_IMPLEMENTED'),
    ...answer('unknown', 'ERR_UPLOAD_NOT_FOUND'),
  ]
}

/** What lets a page of another origin read an answer that is ours, as it reads those of the upload server. */
export const uploadHeaders: readonly string[] = [
  'add_header Tus-Resumable 1.0.0 always;',
  'add_header Vary Origin always;',
  'add_header Access-Control-Allow-Origin $edge_upload_origin always;',
  'add_header Access-Control-Allow-Credentials $edge_upload_credentials always;',
  'add_header Access-Control-Expose-Headers "Retry-After, Tus-Resumable" always;',
]
