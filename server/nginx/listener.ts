import { type Certificate, defaultServer, type Listener, listenOn, tlsProfile } from '../../local/nginx/listener.ts'
import { earlyRefusals, problemAnswer } from '../../local/nginx/problem-answer.ts'
import { block, loggedPathMap, quotePath } from '../../local/nginx/text.ts'
import type { ListenerPlace } from '../../local/site.ts'
import { hstsSeconds } from '../../shared/read/answer-headers.ts'

/** Settings of a server on every address of this machine. */
export interface PublicListenerOptions extends Certificate {
  /** The only name that is served. */
  readonly host: string
  /** Folder of `access.log`. */
  readonly logs: string
}

const hsts = [`add_header Strict-Transport-Security "max-age=${hstsSeconds}" always;`]

/** The listener of a server for the public: TLS, one name, HSTS, and an access log. */
export function publicListener(options: PublicListenerOptions, { port, ipv6, tokenPaths }: ListenerPlace): Listener {
  const addresses = [String(port), ...(ipv6 ? [`[::]:${port}`] : [])]
  return {
    http: [...tlsProfile, ...accessLogFormat(tokenPaths), ...otherNamesServer(addresses, options)],
    server: [
      ...listenOn(addresses, options),
      `server_name ${options.host};`,
      `access_log ${quotePath(`${options.logs}/access.log`)} plain;`,
    ],
    headers: hsts,
  }
}

/** The access log has no query string, cookie, `Referer` or token. */
function accessLogFormat(tokenPaths: readonly string[]): string[] {
  return [
    ...loggedPathMap(tokenPaths),
    `log_format plain '$remote_addr [$time_iso8601] $request_method $edge_logged_path $status $body_bytes_sent $request_time';`,
  ]
}

/** Cookies are signed for the name in the request, so a request for any other name must not reach the edge. */
function otherNamesServer(addresses: readonly string[], certificate: Certificate): string[] {
  return block('server', [
    ...listenOn(addresses, certificate, defaultServer),
    'server_name _;',
    // nginx rejects oversized requests in the default server, before it knows the name.
    ...earlyRefusals(hsts),
    ...block('location /', ['error_page 421 = @misdirected;', 'return 421;']),
    ...block('location @misdirected', problemAnswer('ERR_MISDIRECTED', hsts)),
  ])
}
