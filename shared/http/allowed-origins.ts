/** Whether an `Origin` is one that the stage allows. */
export type OriginCheck = (origin: string) => boolean

/**
 * Reads `allowedOrigins` of the config once. An entry is an origin such as `https://app.example.com`; its port may be `*`,
 * which stands for any port or none. The scheme and the host are compared whole: `https://app.example.com.evil.test` is
 * somebody else.
 */
export function parseAllowedOrigins(allowed: readonly string[]): OriginCheck {
  const exact = new Set(allowed.filter((entry) => !entry.endsWith(':*')).map(withoutDefaultPort))
  const anyPort = new Set(allowed.filter((entry) => entry.endsWith(':*')).map((entry) => entry.slice(0, -2)))
  return (origin) => exact.has(origin) || (anyPort.size > 0 && anyPort.has(origin.replace(/:\d{1,5}$/, '')))
}

/** Browsers leave a default port out of `Origin` (RFC 6454 section 6.2). */
function withoutDefaultPort(origin: string): string {
  return origin.replace(/^(https:.*):443$|^(http:.*):80$/, '$1$2')
}
