import { LocalError } from './local-error.ts'
import type { EmulationOptions } from './options.ts'

/** What clients put before every path: links, tickets and the origin of pages are made of it. `port` is the one that is listened on. */
export function publicUrl({ production, tls }: EmulationOptions, port: number): string {
  if (production !== undefined) {
    const seen = production.publicPort ?? port
    return `https://${production.host}${seen === 443 ? '' : `:${seen}`}`
  }
  return `${tls === true ? 'https' : 'http'}://localhost:${port}`
}

/**
 * `host:port` of the app behind every path that is not ours, given as `http://host:port`.
 *
 * @throws LocalError for any other address.
 */
export function appAddress(app: string | undefined): string | undefined {
  if (app === undefined) return undefined
  const url = URL.canParse(app) ? new URL(app) : undefined
  if (url?.protocol !== 'http:' || url.pathname !== '/') {
    throw new LocalError('--app must be an address such as http://127.0.0.1:5173')
  }
  return `${url.hostname}:${url.port === '' ? '80' : url.port}`
}
