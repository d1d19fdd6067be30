import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { request as httpsRequest } from 'node:https'

/** One request as the wire carries it. Nothing is normalised: `path` is sent byte for byte. */
export interface Send {
  readonly method?: string
  /** Path and query string; printable ASCII only (use `sendRaw` for anything else). */
  readonly path: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: string | Buffer
  /** Connects to this address instead of the host of the base URL; the `Host` header stays. */
  readonly connectTo?: string
  /** Reads at most this many bytes of the body, then hangs up. */
  readonly maxBody?: number
}

/** A whole response, read into memory. */
export interface Answer {
  readonly status: number
  /** Lower-case names; repeated fields joined as node:http does. */
  readonly headers: IncomingHttpHeaders
  /** Every `Set-Cookie` line, in order. */
  readonly setCookie: readonly string[]
  /** Bytes of the header fields as they came, names and values. */
  readonly headerBytes: number
  readonly body: Buffer
  /** The body as UTF-8. */
  readonly text: string
}

const defaultMaxBody = 64 * 2 ** 20

/** Sends one request on a connection of its own and resolves with the whole answer; follows no redirect. */
export function send(baseUrl: string, options: Send): Promise<Answer> {
  const base = new URL(baseUrl)
  const secure = base.protocol === 'https:'
  const host = base.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? httpsRequest : httpRequest)(
      {
        host: options.connectTo ?? host,
        ...(secure ? { servername: host } : {}),
        port: base.port === '' ? (secure ? 443 : 80) : Number(base.port),
        method: options.method ?? 'GET',
        path: options.path,
        headers: outgoingHeaders(base.host, options),
        agent: false,
        // A mint for 8 grants is twice what node:http takes by default.
        maxHeaderSize: 128 * 1024,
        timeout: 20_000,
      },
      (incoming) => readAnswer(incoming, options.maxBody ?? defaultMaxBody).then(resolve, reject),
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in 20 s: ${options.method ?? 'GET'} request`)))
    outgoing.on('error', reject)
    outgoing.end(options.body)
  })
}

function outgoingHeaders(host: string, options: Send): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { host }
  if (options.body !== undefined) headers['content-length'] = String(Buffer.byteLength(options.body))
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = value
  }
  return headers
}

async function readAnswer(incoming: IncomingMessage, maxBody: number): Promise<Answer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= maxBody) break
  }
  incoming.destroy()
  const body = Buffer.concat(chunks).subarray(0, maxBody)
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    setCookie: incoming.headers['set-cookie'] ?? [],
    headerBytes: incoming.rawHeaders.reduce((sum, part) => sum + Buffer.byteLength(part, 'latin1'), 0),
    body,
    text: body.toString('utf8'),
  }
}
