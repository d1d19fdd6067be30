import { socketBacklog } from '../process/ports.ts'
import { quotePath } from './text.ts'

/** The part of nginx's configuration that decides who reaches the edge: addresses, certificate, server names, logs. */
export interface Listener {
  /** Directives of `http`. */
  readonly http: readonly string[]
  /** Directives of the edge's server. */
  readonly server: readonly string[]
  /** `add_header` directives for every response. A location with `add_header` of its own inherits none and repeats these. */
  readonly headers: readonly string[]
}

/** Paths of two PEM files: a certificate with its chain, and the private key. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

/** The listener of an emulation: only this machine reaches it, under any name. */
export function loopbackListener(port: number, ipv6: boolean, certificate: Certificate | undefined): Listener {
  const addresses = [`127.0.0.1:${port}`, ...(ipv6 ? [`[::1]:${port}`] : [])]
  return {
    http: certificate === undefined ? [] : tlsProfile,
    server: listenOn(addresses, certificate, defaultServer),
    headers: [],
  }
}

/** Options of `listen` for the default server of an address. They also set the socket of the other servers there. */
export const defaultServer = ` default_server backlog=${socketBacklog}`

/** The directives by which a server listens on addresses, with TLS if there is a certificate. */
export function listenOn(
  addresses: readonly string[],
  certificate: Certificate | undefined,
  options = '',
): readonly string[] {
  const ssl = certificate === undefined ? '' : ' ssl'
  return [
    ...addresses.map((address) => `listen ${address}${ssl}${options};`),
    ...(certificate === undefined
      ? []
      : [
          `ssl_certificate ${quotePath(certificate.certificate)};`,
          `ssl_certificate_key ${quotePath(certificate.key)};`,
        ]),
  ]
}

/** TLS 1.2 suites. OpenSSL chooses those of TLS 1.3, all of which are strong. */
const suites = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]

/**
 * Mozilla's intermediate TLS profile (https://wiki.mozilla.org/Security/Server_Side_TLS) without the suites that need
 * Diffie-Hellman parameters. The directives belong in `http`: nginx takes the protocols of an address from its default server,
 * so it would ignore them in any other server.
 *
 * Session tickets are off because nginx keeps their key for as long as it runs: one key would decrypt every recorded connection.
 */
export const tlsProfile: readonly string[] = [
  'ssl_protocols TLSv1.2 TLSv1.3;',
  `ssl_ciphers ${suites.join(':')};`,
  'ssl_prefer_server_ciphers off;',
  'ssl_ecdh_curve X25519:prime256v1:secp384r1;',
  'ssl_session_cache shared:tls:4m;',
  'ssl_session_timeout 1d;',
  'ssl_session_tickets off;',
]
