/**
 * The path of an HTTP API event as the client sent it. API Gateway's HTTP APIs hand `rawPath` over decoded, so a key with a
 * `%` or a `#` in it would be read as another one; encoded again segment by segment it is the path in its normal form. What an
 * encoded `/` or `?` was before cannot be told, but no key holds one.
 */
export function encodeRawPath(rawPath: string): string {
  return rawPath.split('/').map(encodeURIComponent).join('/')
}
