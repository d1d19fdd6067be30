import { type ErrorCode, problems } from '../../shared/errors.ts'
import { writeProblem } from '../../shared/http/problem.ts'
import { uploadPath } from '../uploads/limits.ts'
import type { NginxPlan } from './plan.ts'
import { block } from './text.ts'

/**
 * The upload server behind nginx. Bytes pass straight through: nothing is stored twice, and no limit stands here, because the
 * ticket's length is the limit.
 */
export function uploadLocations({ assets }: NginxPlan): string[] {
  if (assets === undefined) return []
  return [
    ...block(`location ^~ ${uploadPath}`, [
      // Uploads are written here and read elsewhere, where the read path checks.
      'if ($request_method = GET) { return 405; }',
      'proxy_request_buffering off;',
      // Read and passed on in pieces of this size.
      'client_body_buffer_size 256k;',
      'proxy_buffering off;',
      // A slow client may pause between two pieces; a creation may wait for a checksum.
      'proxy_read_timeout 300s;',
      'proxy_send_timeout 300s;',
      'client_body_timeout 300s;',
      'proxy_set_header Connection "";',
      'proxy_set_header Host $http_host;',
      'proxy_set_header X-Forwarded-Host $http_host;',
      'proxy_set_header X-Forwarded-Proto $scheme;',
      'proxy_set_header X-Forwarded-For $remote_addr;',
      'proxy_set_header Forwarded "";',
      'proxy_set_header Tus-Resumable $edge_tus_resumable;',
      'proxy_set_header X-Edge-Request-Id $request_id;',
      'proxy_intercept_errors on;',
      // 503 is a refusal with a body of ours.
      'error_page 500 = @upload-failed;',
      'error_page 502 504 = @upload-paused;',
      'proxy_pass http://uploads;',
      ...block('if ($request_method = POST)', [
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
    ...block('location @upload-paused', problemAnswer('ERR_UPLOAD_PAUSED', ['add_header Retry-After 1 always;'])),
    // The upload server could not write, and its own words name paths. Whatever has arrived is kept.
    ...block('location @upload-failed', problemAnswer('ERR_STORE_UNAVAILABLE', ['add_header Retry-After 5 always;'])),
  ]
}

/** A library that writes the header itself, told to send the ticket's as well, sends two: in a browser that is one, `1.0.0, 1.0.0`. */
export function uploadMaps(): string[] {
  return block('map $http_tus_resumable $edge_tus_resumable', [
    'default $http_tus_resumable;',
    '"~^1\\.0\\.0(, ?1\\.0\\.0)+$" 1.0.0;',
  ])
}

/** Directives that answer with the problem of a code. */
export function problemAnswer(code: ErrorCode, headers: readonly string[] = []): string[] {
  const { status, body } = writeProblem(code, problems[code])
  return [
    'internal;',
    'types { }',
    'default_type application/problem+json;',
    'add_header Cache-Control no-store always;',
    'add_header X-Content-Type-Options nosniff always;',
    ...headers,
    `return ${status} '${body.replace(/['\\]/g, '\\$&')}';`,
  ]
}
