import { fileURLToPath } from 'node:url'
import type { NginxAddition } from '../cloudfront/plan.ts'
import type { Distribution } from '../cloudfront/template/model.ts'
import { block, quotePath } from '../nginx/text.ts'
import { socketBacklog } from '../process/ports.ts'
import { contentTypes } from './type-of-name.ts'

/** Settings of the bucket. All paths are absolute. */
export interface BucketPlan {
  readonly distribution: Distribution
  /** Root of the bucket. */
  readonly content: string
  /** Folder of Edge Signer's pages, by their keys. */
  readonly pages: string
  /** The unix socket that it listens on. */
  readonly socket: string
  /** Folder of the content types that were declared for objects, by object name; `undefined` if only file names decide. */
  readonly declaredTypes: string | undefined
}

/** Returns the bucket's part of nginx's configuration. */
export function bucketAddition(plan: BucketPlan): NginxAddition {
  if (plan.declaredTypes === undefined) return { http: [...literalKeyMap(), ...bucketServer(plan)] }
  return {
    http: ['js_import declaredType from declared-type.js;', ...literalKeyMap(), ...bucketServer(plan)],
    files: [fileURLToPath(new URL('./declared-type.js', import.meta.url))],
  }
}

/**
 * The server that emulates S3. The content folder is a bucket for which the distribution has `s3:GetObject` and `s3:ListBucket`, so
 * a missing key is a 404. Keys are literal: a path that a file system would resolve (`..`, `//`) is not a key.
 */
function bucketServer({ distribution, content, pages, socket, declaredTypes }: BucketPlan): string[] {
  return block('server', [
    `listen unix:${socket} backlog=${socketBacklog};`,
    'merge_slashes off;',
    `root ${quotePath(content)};`,
    // A symbolic link in the folder must not lead to a file outside it.
    'disable_symlinks on from=$document_root;',
    'default_type application/octet-stream;',
    'types_hash_max_size 8192;',
    ...block(
      'types',
      [...contentTypes].map(([extension, type]) => `${type} ${extension};`),
    ),
    'etag on;',
    'if_modified_since exact;',
    // For several ranges S3 returns the whole object.
    'max_ranges 1;',
    'error_page 403 404 = @no-such-key;',
    'error_page 405 = @method-not-allowed;',
    'error_page 412 = @precondition-failed;',
    'error_page 416 = @invalid-range;',
    'if ($edge_literal_key = 0) { return 404; }',
    ...(declaredTypes === undefined ? [] : typedObjects(declaredTypes, content)),
    ...block('location /', ['try_files $uri =404;']),
    ...keyFolders(distribution).flatMap((folder) =>
      ['pages', 'files'].flatMap((name) =>
        block(`location ^~ ${folder}/_edge/${name}/`, [
          `alias ${quotePath(`${pages}/_edge/${name}/`)};`,
          'index index.html;',
        ]),
      ),
    ),
    ...block('location @no-such-key', s3Error(404, 'NoSuchKey', 'The specified key does not exist.')),
    ...block(
      'location @method-not-allowed',
      s3Error(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.'),
    ),
    ...block(
      'location @precondition-failed',
      s3Error(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold'),
    ),
    ...block('location @invalid-range', s3Error(416, 'InvalidRange', 'The requested range is not satisfiable')),
  ])
}

/** Returns the prefixes of keys in the bucket: the paths of its origins. */
function keyFolders({ origins }: Distribution): string[] {
  return [...new Set(origins.flatMap((origin) => (origin.kind === 'bucket' ? [origin.path] : [])))]
}

/** Serves files whose declared type is not that of their name. No key contains a `*`, so no request has this path. */
function typedObjects(types: string, content: string): string[] {
  return [
    `set $edge_types ${quotePath(types)};`,
    'if (-d "$edge_types$uri") { rewrite ^ "/*typed$uri" last; }',
    ...block('location ^~ "/*typed/"', [
      'internal;',
      `alias ${quotePath(`${content}/`)};`,
      // A folder only has the types of its files. Without this, nginx would respond with an index or a redirect.
      'try_files $uri =404;',
      'js_header_filter declaredType.setType;',
    ]),
  ]
}

/** The map of `$edge_literal_key`: 0 if no file can have the requested key. */
function literalKeyMap(): string[] {
  return block('map $request_uri $edge_literal_key', [
    'default 1;',
    '"~*^[^?]*(/|%2f)(/|%2f)" 0;',
    '"~*^[^?]*(/|%2f)(\\.|%2e)(\\.|%2e)?(/|%2f|\\?|$)" 0;',
    '"~*^[^?]*%00" 0;',
  ])
}

function s3Error(status: number, code: string, message: string): string[] {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`
  return ['internal;', 'types { }', 'default_type application/xml;', `return ${status} '${body.replace('\\n', '')}';`]
}
