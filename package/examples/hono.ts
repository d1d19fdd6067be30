import {
  type Assets,
  cookieHeaders,
  EdgeSignerError,
  InputError,
  ServiceError,
  SessionError,
  type Sessions,
  type SigningKeys,
  signCookies,
  verifySession,
} from 'edge-signer/server'
import { type Context, Hono } from 'hono'

/** What the app brings along. */
export interface HonoDependencies {
  readonly keys: SigningKeys
  readonly assets: Assets
  readonly sessions: Sessions
  /** Checks the credentials of a login: the user's id, or `undefined`. */
  readonly signIn: (body: unknown) => Promise<string | undefined>
}

/** A file that a page wants to send, as it says so: `uploadUrl` checks the values. */
interface NewFile {
  readonly name: string
  readonly size: number
  readonly contentType: string
}

/**
 * A Hono app that sets CloudFront's cookies after a login, and gives signed-in users presigned uploads below their own prefix.
 */
export function createApp({ keys, assets, sessions, signIn }: HonoDependencies): Hono {
  const app = new Hono()

  app.post('/login', async (c) => {
    const userId = await signIn(await objectOf(c))
    if (userId === undefined) return c.json({ error: 'Wrong name or password.' }, 401)
    const url = `https://cdn.example.com/users/${encodeURIComponent(userId)}/*`
    const signed = await signCookies({ keys, url, expiresIn: 3600 })
    for (const value of cookieHeaders(signed, { domain: 'example.com' }))
      c.header('Set-Cookie', value, { append: true })
    c.header('Cache-Control', 'no-store')
    return c.json({ prefix: signed.path, expiresAt: signed.expiresAt })
  })

  app.post('/uploads', async (c) => {
    const { sub } = await verifySession(c.req.raw.headers, sessions)
    // The folder of `bob/photos` would be inside that of `bob`.
    if (sub.includes('/')) throw new InputError(['sub'])
    const { name, size, contentType } = (await objectOf(c)) as NewFile
    const upload = await assets.uploadUrl(`users/${sub}/${name}`, { size, contentType, ttlSeconds: 900 })
    c.header('Cache-Control', 'no-store')
    return c.json(upload, 201)
  })

  app.onError((error, c) => {
    // Without the keys, for example, the fault is not the client's.
    if (!(error instanceof EdgeSignerError) || error instanceof ServiceError) throw error
    return c.json({ error: error.code }, error instanceof SessionError ? 401 : 400)
  })
  return app
}

async function objectOf(c: Context): Promise<object> {
  const body: unknown = await c.req.json().catch(() => undefined)
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new InputError(['body'], 'body must be a JSON object')
  return body
}
