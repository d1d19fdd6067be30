import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http'

/** Stands before the S3 server on the way from the browser, and breaks requests where a test wants it to. */
export interface S3Proxy {
  readonly endpoint: string
  stop(): Promise<void>
}

/** Treatment of a request: let it pass, answer it with a 500, or cut the connection in the middle of the body. */
export type Verdict = 'pass' | 'fail' | 'cut'

/** Starts it. The `Host` header is passed on as it came, because it is part of what was signed. */
export async function startS3Proxy(target: string, judge: (request: IncomingMessage) => Verdict): Promise<S3Proxy> {
  const { hostname, port } = new URL(target)
  const server = createServer((request, response) => {
    const verdict = judge(request)
    if (verdict === 'cut') {
      request.once('data', () => request.destroy())
      return
    }
    if (verdict === 'fail') {
      // Read to the end first: a browser that is still sending would see a reset instead of the answer.
      request.resume().once('end', () => respond(request, response))
      return
    }
    const { method, url, headers } = request
    const upstream = send({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    upstream.once('error', () => response.destroy())
    request.pipe(upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** S3's answer to an internal error, with the CORS header that lets the page see its status. */
function respond(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(500, { 'access-control-allow-origin': request.headers.origin ?? '*' })
  response.end('<Error><Code>InternalError</Code></Error>')
}
