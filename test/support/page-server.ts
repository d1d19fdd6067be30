import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** The app's own site: it serves the pages that use the files. */
export interface PageServer {
  /** `http://localhost:1234` */
  readonly origin: string
  /** Serves this HTML at this path from now on. */
  setPage(path: string, html: string, headers?: Readonly<Record<string, string>>): void
  stop(): Promise<void>
}

/** Options of the page server. */
export interface PageServerOptions {
  /** The name in its origin; it listens on 127.0.0.1. */
  readonly host: string
  /** PEM. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Default true: every page is cross-origin isolated by headers of the app itself. */
  readonly isolated?: boolean
}

/**
 * Headers that make a page cross-origin isolated, which gives it `SharedArrayBuffer`:
 * https://html.spec.whatwg.org/multipage/document-sequences.html#cross-origin-isolated
 */
const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/** Starts a server on a free port; `/` is an empty page. */
export async function startPageServer({ host, tls, isolated = true }: PageServerOptions): Promise<PageServer> {
  const pages = new Map<string, { html: string; headers: Readonly<Record<string, string>> }>()
  const answer: RequestListener = (request, response) => {
    const page = pages.get((request.url ?? '').split('?')[0] ?? '')
    const headers = {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      ...(isolated ? isolation : {}),
    }
    response.writeHead(page === undefined ? 404 : 200, { ...headers, ...page?.headers }).end(page?.html)
  }
  const server: Server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const setPage: PageServer['setPage'] = (path, html, headers = {}) =>
    void pages.set(path, { html: `<!doctype html><html lang="en"><link rel="icon" href="data:,">${html}`, headers })
  setPage('/', '<title>App</title>')
  return {
    origin: `${tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    setPage,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
