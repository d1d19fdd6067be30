/** Content types by extension, as `aws s3 sync` and most upload tools set them; everything else is a stream of bytes. */
export const contentTypes: Readonly<Record<string, string>> = {
  'text/html': 'html htm',
  'text/css': 'css',
  'text/plain': 'txt log',
  'text/csv': 'csv',
  'text/markdown': 'md',
  'text/xml': 'xml',
  'text/javascript': 'js mjs',
  'application/json': 'json',
  'application/pdf': 'pdf',
  'application/wasm': 'wasm',
  'application/xhtml+xml': 'xhtml',
  'application/zip': 'zip',
  'application/gzip': 'gz tgz',
  'audio/mpeg': 'mp3',
  'font/woff2': 'woff2',
  'image/gif': 'gif',
  'image/jpeg': 'jpg jpeg',
  'image/png': 'png',
  'image/svg+xml': 'svg',
  'image/webp': 'webp',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
}

const byExtension = new Map(
  Object.entries(contentTypes).flatMap(([type, extensions]) =>
    extensions.split(' ').map((extension) => [extension, type] as const),
  ),
)

/** What nginx serves a file as when nobody says otherwise. */
export function typeOfName(name: string): string {
  const extension = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase()
  return byExtension.get(extension ?? '') ?? 'application/octet-stream'
}
