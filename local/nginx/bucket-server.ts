import { contentTypes } from '../assets/type-of-name.ts'
import type { Distribution } from '../template/model.ts'
import type { NginxPlan } from './plan.ts'
import { block, quotePath } from './text.ts'

/**
 * The tier that stands for S3: the content folder as a bucket to which the distribution has `s3:GetObject` and `s3:ListBucket`,
 * so that a missing key is a 404. Keys are literal: what a file system would resolve (`..`, `//`) is no key here.
 */
export function bucketServer({ directories, distribution, sockets, assets }: NginxPlan): string[] {
  return block('server', [
    `listen unix:${sockets.bucket};`,
    'merge_slashes off;',
    `root ${quotePath(directories.content)};`,
    // A link inside the folder must not lead to a file outside of it.
    'disable_symlinks on from=$document_root;',
    'default_type application/octet-stream;',
    ...block(
      'types',
      Object.entries(contentTypes).map(([type, extensions]) => `${type} ${extensions};`),
    ),
    'etag on;',
    'if_modified_since exact;',
    // More than one range: the whole object, as S3 answers.
    'max_ranges 1;',
    'error_page 403 404 = @no-such-key;',
    'error_page 405 = @method-not-allowed;',
    'error_page 416 = @invalid-range;',
    'if ($edge_literal_key = 0) { return 404; }',
    ...(assets === undefined ? [] : declaredTypes(assets.types, directories.content)),
    ...block('location /', ['try_files $uri =404;']),
    ...keyFolders(distribution).flatMap((folder) =>
      block(`location ^~ ${folder}/_edge/pages/`, [`alias ${quotePath(`${directories.pages}/`)};`]),
    ),
    ...block('location @no-such-key', s3Error(404, 'NoSuchKey', 'The specified key does not exist.')),
    ...block(
      'location @method-not-allowed',
      s3Error(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.'),
    ),
    ...block('location @invalid-range', s3Error(416, 'InvalidRange', 'The requested range is not satisfiable')),
  ])
}

/** What stands before keys in the bucket: the paths of its origins. */
function keyFolders({ origins }: Distribution): string[] {
  return [...new Set(origins.flatMap((origin) => (origin.kind === 'bucket' ? [origin.path] : [])))]
}

/** Files whose type was declared at their upload and is not that of their name. No key holds a `*`, so no path leads here. */
function declaredTypes(types: string, content: string): string[] {
  return [
    `set $edge_types ${quotePath(types)};`,
    'if (-d "$edge_types$uri") { rewrite ^ "/*typed$uri" last; }',
    ...block('location ^~ "/*typed/"', [
      'internal;',
      `alias ${quotePath(`${content}/`)};`,
      'js_header_filter declaredType.setType;',
    ]),
  ]
}

/** Whether a path on the wire is a key that a file can have. */
export function literalKeyMap(): string[] {
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
