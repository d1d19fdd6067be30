import { Agent, fetch, type Response } from 'undici'

/** A visitor that stores cookies by name and path, and follows no redirect. */
export interface Browser {
  /** The origin that paths belong to: `http://localhost:8080`. */
  readonly origin: string
  get(path: string, headers?: Record<string, string>): Promise<Response>
  send(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Response>
  /** Sends to any address without cookies, as a script sends to an upload server. */
  sendPlain(method: string, url: string, headers: Record<string, string>, body?: Uint8Array): Promise<Response>
  close(): Promise<void>
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/** @param ca PEM of a certificate that is trusted in addition to the system's authorities. */
export function createBrowser(origin: string, ca: Buffer | undefined): Browser {
  const jar = new Map<string, Cookie>()
  const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } })
  const send: Browser['send'] = async (method, path, headers = {}, body = undefined) => {
    const cookie = cookiesFor(jar, path)
    const response = await fetch(origin + path, {
      dispatcher,
      method,
      redirect: 'manual',
      headers: { ...headers, ...(cookie === '' ? {} : { cookie }) },
      ...(body === undefined ? {} : { body }),
    })
    for (const line of response.headers.getSetCookie()) keep(jar, line)
    return response
  }
  return {
    origin,
    get: (path, headers) => send('GET', path, headers),
    send,
    sendPlain: (method, url, headers, body) =>
      fetch(url, { dispatcher, method, headers, ...(body === undefined ? {} : { body }) }),
    close: () => dispatcher.destroy(),
  }
}

/** Returns the `Cookie` header: the cookies whose path covers the request (RFC 6265 section 5.1.4). */
function cookiesFor(jar: ReadonlyMap<string, Cookie>, path: string): string {
  return [...jar.values()]
    .filter((one) => path === one.path || path.startsWith(one.path.endsWith('/') ? one.path : `${one.path}/`))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
}

function keep(jar: Map<string, Cookie>, line: string): void {
  const [pair = '', ...attributes] = line.split(/;\s*/)
  const equals = pair.indexOf('=')
  const name = pair.slice(0, equals)
  const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/'
  if (attributes.some((attribute) => /^max-age=(0|-)/i.test(attribute))) jar.delete(`${name} ${path}`)
  else jar.set(`${name} ${path}`, { name, value: pair.slice(equals + 1), path })
}
