import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Address of a server. */
export interface Address {
  readonly port: number
  /** The name to ask for in TLS; `undefined` speaks plain HTTP. */
  readonly tlsName: string | undefined
}

/** One response as the wire carried it. Names are in lower case. */
export interface WireAnswer {
  /** 0 where the server hung up without a response. */
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

const hungUp: WireAnswer = { status: 0, headers: new Map(), body: Buffer.alloc(0) }

/**
 * One connection that sends requests byte for byte, one after the other, and opens itself again when the server closes it.
 * Client libraries refuse to send most of what is sent here, and a connection for each request takes ten times as long.
 */
export class KeepAliveConnection {
  readonly #address: Address
  #socket: Socket | undefined
  #buffer: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: () => void = () => {}

  constructor(address: Address) {
    this.#address = address
  }

  /** The response to one request. A connection that the server had closed before the first byte is opened once more. */
  async send(request: Buffer, isHead: boolean): Promise<WireAnswer> {
    const isFresh = this.#socket === undefined
    const answer = await this.#sendOnce(request, isHead)
    if (answer.status !== 0 || isFresh) return answer
    return this.#sendOnce(request, isHead)
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  async #sendOnce(request: Buffer, isHead: boolean): Promise<WireAnswer> {
    const socket = this.#socket ?? this.#open()
    socket.write(request)
    const answer = await this.#read(isHead)
    if (answer.status === 0 || answer.headers.get('connection')?.toLowerCase() === 'close') this.close()
    return answer
  }

  #open(): Socket {
    const { port, tlsName } = this.#address
    const socket =
      tlsName === undefined
        ? connectTcp({ host: '127.0.0.1', port, noDelay: true })
        : connectTls({ host: '127.0.0.1', port, servername: tlsName, rejectUnauthorized: false })
    this.#socket = socket
    this.#buffer = Buffer.alloc(0)
    this.#isClosed = false
    const end = () => {
      if (this.#socket !== socket) return
      this.#isClosed = true
      this.#wake()
    }
    socket.setTimeout(30_000, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      if (this.#socket !== socket) return
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
      this.#wake()
    })
    socket.on('error', end)
    socket.on('end', end)
    socket.on('close', end)
    return socket
  }

  async #read(isHead: boolean): Promise<WireAnswer> {
    const headEnd = await this.#find('\r\n\r\n', 0)
    if (headEnd < 0) return hungUp
    const head = this.#buffer.subarray(0, headEnd).toString('latin1').split('\r\n')
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head[0] ?? '')?.[1] ?? 0)
    const headers = new Map<string, string>()
    for (const line of head.slice(1)) {
      const colon = line.indexOf(':')
      const name = line.slice(0, colon).toLowerCase()
      const value = line.slice(colon + 1).trim()
      const before = headers.get(name)
      headers.set(name, before === undefined ? value : `${before}, ${value}`)
    }
    this.#buffer = this.#buffer.subarray(headEnd + 4)
    if (isHead || status === 204 || status === 304) return { status, headers, body: Buffer.alloc(0) }
    return { status, headers, body: await this.#readBody(headers) }
  }

  async #readBody(headers: ReadonlyMap<string, string>): Promise<Buffer> {
    const length = headers.get('content-length')
    if (length !== undefined) return this.#take(Number(length))
    if (headers.get('transfer-encoding')?.toLowerCase() !== 'chunked') return this.#take(Number.POSITIVE_INFINITY)
    const chunks: Buffer[] = []
    for (;;) {
      const lineEnd = await this.#find('\r\n', 0)
      if (lineEnd < 0) break
      const size = Number.parseInt(this.#buffer.subarray(0, lineEnd).toString('latin1'), 16)
      this.#buffer = this.#buffer.subarray(lineEnd + 2)
      const chunk = await this.#take(size + 2)
      if (!(size > 0)) break
      chunks.push(chunk.subarray(0, size))
    }
    return Buffer.concat(chunks)
  }

  async #find(text: string, from: number): Promise<number> {
    for (;;) {
      const at = this.#buffer.indexOf(text, from, 'latin1')
      if (at >= 0 || this.#isClosed) return at
      await this.#more()
    }
  }

  async #take(size: number): Promise<Buffer> {
    while (this.#buffer.length < size && !this.#isClosed) await this.#more()
    const taken = this.#buffer.subarray(0, size)
    this.#buffer = this.#buffer.subarray(taken.length)
    return taken
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
