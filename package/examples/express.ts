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
import express, { type ErrorRequestHandler, type Express } from 'express'

/** What the app brings along. */
export interface ExpressDependencies {
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
 * An Express app that sets CloudFront's cookies after a login, and gives signed-in users presigned uploads below their own
 * prefix.
 */
export function createApp({ keys, assets, sessions, signIn }: ExpressDependencies): Express {
  const app = express()
  app.disable('x-powered-by')
  // Parsed below, so that each body that is no JSON object is refused alike.
  app.use(express.text({ type: 'application/json', limit: '16kb' }))

  app.post('/login', async (request, response) => {
    const userId = await signIn(objectOf(request.body))
    if (userId === undefined) {
      response.status(401).json({ error: 'Wrong name or password.' })
      return
    }
    const url = `https://cdn.example.com/users/${encodeURIComponent(userId)}/*`
    const signed = await signCookies({ keys, url, expiresIn: 3600 })
    for (const value of cookieHeaders(signed, { domain: 'example.com' })) response.appendHeader('Set-Cookie', value)
    response.set('Cache-Control', 'no-store').json({ prefix: signed.path, expiresAt: signed.expiresAt })
  })

  app.post('/uploads', async (request, response) => {
    const { sub } = await verifySession(request.headers, sessions)
    // The folder of `bob/photos` would be inside that of `bob`.
    if (sub.includes('/')) throw new InputError(['sub'])
    const { name, size, contentType } = objectOf(request.body) as NewFile
    const upload = await assets.uploadUrl(`users/${sub}/${name}`, { size, contentType, ttlSeconds: 900 })
    response.set('Cache-Control', 'no-store').status(201).json(upload)
  })

  const onError: ErrorRequestHandler = (error, _request, response, next) => {
    // Without the keys, for example, the fault is not the client's.
    if (!(error instanceof EdgeSignerError) || error instanceof ServiceError) return next(error)
    response.status(error instanceof SessionError ? 401 : 400).json({ error: error.code })
  }
  app.use(onError)
  return app
}

function objectOf(text: unknown): object {
  let value: unknown
  try {
    value = JSON.parse(String(text))
  } catch {
    // The same answer as to JSON of another kind.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError(['body'], 'body must be a JSON object')
  return value
}
