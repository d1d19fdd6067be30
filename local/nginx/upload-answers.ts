import type { ErrorCode } from '../../shared/errors.ts'
import { originPattern } from '../uploads/tusd.ts'
import type { NginxAssets, NginxPlan } from './plan.ts'
import { problemAnswer, problemText, publicHeaders } from './problem-answer.ts'
import { block } from './text.ts'

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

/** Pairs as the protocol has them (https://tus.io/protocols/resumable-upload#upload-metadata), one of them a ticket's token. */
const pair = '[!-+\\--~]+(?: [A-Za-z0-9+/]*={0,2})?'
const oneTicket = `^(?!.*,upload-token .*,upload-token )(?=.*,upload-token [A-Za-z0-9+/]+={0,2}(?:,|$))(?:,${pair})++$`

/** Where an answer of ours stands, by what came: origin, method, method override, pieces, ticket. The first that fits. */
export function uploadAnswerMaps({ allowedOrigins }: NginxAssets): string[] {
  return [
    ...block('map $http_origin $edge_upload_origin', [
      'default "";',
      `"~${originPattern(allowedOrigins)}" $http_origin;`,
    ]),
    ...block('map $edge_upload_origin $edge_upload_credentials', ['default true;', '"" "";']),
    ...block('map "$edge_upload_origin|$http_origin" $edge_upload_foreign', ['default "";', '"~^\\|." 1;']),
    ...block('map ",$http_upload_metadata" $edge_upload_ticket', ['default 0;', `"~${oneTicket}" 1;`]),
    ...block(
      'map "$edge_upload_foreign|$request_method|$http_x_http_method_override|$http_upload_concat|$edge_upload_ticket" $edge_upload_answer',
      [
        'default "";',
        '"~^1?\\|OPTIONS\\|" upload-options;',
        '"~^1" upload-foreign;',
        '"~^\\|(?!(?:POST|HEAD|PATCH|DELETE)\\|)" upload-method;',
        '"~^\\|POST\\|(?!(?:PATCH|DELETE)?\\|)" upload-method;',
        '"~^\\|POST\\|\\|[^|]" upload-pieces;',
        '"~^\\|POST\\|\\|\\|0" upload-unknown;',
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
export function uploadAnswers(plan: NginxPlan, { maxBytes }: NginxAssets): string[] {
  const answer = (name: string, code: ErrorCode, more: readonly string[] = []) =>
    block(`location = upload-${name}`, problemAnswer(plan, code, [...uploadHeaders, ...more]))
  return [
    ...block('location = upload-options', [
      'internal;',
      ...publicHeaders(plan),
      ...uploadHeaders,
      'add_header Tus-Version 1.0.0;',
      // What is refused here in every case, pieces and lengths that come later, is not among them.
      'add_header Tus-Extension creation,creation-with-upload,termination;',
      `add_header Tus-Max-Size ${maxBytes};`,
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
