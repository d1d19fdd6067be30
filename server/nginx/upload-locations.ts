import { fileURLToPath } from 'node:url'
import { decideLocation } from '../../local/cloudfront/nginx.ts'
import type { NginxAddition } from '../../local/cloudfront/plan.ts'
import { problemAnswer } from '../../local/nginx/problem-answer.ts'
import { block, upstream } from '../../local/nginx/text.ts'
import { uploadPath } from '../upload-paths.ts'
import { type UploadPlan, uploadAnswerMaps, uploadAnswers, uploadHeaders } from './upload-answers.ts'

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
