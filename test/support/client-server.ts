import type { EdgeClientOptions } from '../../client/edge-client.ts'

/** A CDN in this process, as `fetch` of the browser library sees it. It answers ranges as S3 and nginx do. */
export interface ClientServer {
  /** Options of a client of this CDN; waits take no time and are listed in `waits`. */
  readonly options: EdgeClientOptions
  /** `GET /x bytes=0-1`, without the session endpoint. */
  readonly reads: string[]
  readonly waits: number[]
  /** Number of mints. */
  mints: number
  /** Milliseconds since the epoch. */
  now: number
  /** Seconds of life of the next cookies. */
  life: number
  /** Changes each answer; the default sends it as it is. */
  answer: (proper: Response, request: Request) => Response | Promise<Response>
  /** Answers the session endpoint in place of a mint. */
  mint: () => Response | Promise<Response>
  etag: string
}

/** Serves `size` bytes of `byteAt` at every path. */
export function createClientServer(size: number, byteAt: (offset: number) => number = (at) => at % 251): ClientServer {
  const server: ClientServer = {
    options: {
      cdn: 'https://cdn.example.test',
      fetch: async (input, init) => {
        const request = new Request(input, init)
        request.signal.throwIfAborted()
        const { pathname } = new URL(request.url)
        if (pathname === '/_edge/session') {
          server.mints++
          return server.mint()
        }
        server.reads.push(`${request.method} ${pathname} ${request.headers.get('range') ?? ''}`.trim())
        const answer = await server.answer(range(request), request)
        request.signal.throwIfAborted()
        return answer
      },
      timing: { now: () => server.now, random: () => 1, wait: async (ms) => void server.waits.push(ms) },
    },
    reads: [],
    waits: [],
    mints: 0,
    now: 1_800_000_000_000,
    life: 3600,
    answer: (proper) => proper,
    mint: () =>
      Response.json({
        refreshAt: new Date(server.now + server.life * 800).toISOString(),
        expiresAt: new Date(server.now + server.life * 1000).toISOString(),
        prefixes: ['/users/alice/'],
      }),
    etag: '"v1"',
  }
  function range(request: Request): Response {
    const [, from = '', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get('range') ?? '') ?? []
    const first = Number(from)
    const last = Math.min(Number(to), size - 1)
    if (first >= size) return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } })
    const bytes = Uint8Array.from({ length: last - first + 1 }, (_, at) => byteAt(first + at))
    const headers = {
      'content-range': `bytes ${first}-${last}/${size}`,
      'content-length': String(bytes.length),
      etag: server.etag,
    }
    return new Response(bytes, { status: 206, headers })
  }
  return server
}

/** The code of a rejection. */
export function clientCode(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'resolved',
    (error: { code?: string; name: string }) => (typeof error.code === 'string' ? error.code : error.name),
  )
}
