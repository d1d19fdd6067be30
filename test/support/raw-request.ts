import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** The answer on a raw connection: the status of the first response and every byte after the request. */
export interface RawAnswer {
  /** 0 where the server hung up without a response. */
  readonly status: number
  readonly bytes: Buffer
}

/**
 * Writes exactly these bytes to the server and reads until it hangs up: for request lines that no client library would send.
 * The request must ask for `Connection: close`.
 */
export function sendRaw(baseUrl: string, bytes: Buffer | string): Promise<RawAnswer> {
  const base = new URL(baseUrl)
  const secure = base.protocol === 'https:'
  const host = base.hostname
  const port = base.port === '' ? (secure ? 443 : 80) : Number(base.port)
  return new Promise((resolve, reject) => {
    const socket = secure ? connectTls({ host, port, servername: host }) : connectTcp({ host, port })
    const chunks: Buffer[] = []
    const finish = () => resolve(rawAnswer(Buffer.concat(chunks)))
    socket.setTimeout(20_000, () => socket.destroy(new Error('the connection stayed open for 20 s')))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => socket.end())
    socket.on('close', finish)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A reset after the answer is how servers end a connection whose request they refused to read.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') finish()
      else reject(error)
    })
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  })
}

/** A request with this target, as it stands, in the request line. */
export function rawGet(host: string, target: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}Connection: close\r\n\r\n`
}

function rawAnswer(bytes: Buffer): RawAnswer {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(bytes.subarray(0, 16).toString('latin1'))
  return { status: Number(status?.[1] ?? 0), bytes }
}
