import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
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

/** What the app brings along. Open it outside the handler, so that a warm function reads no secret again. */
export interface LambdaDependencies {
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

type Answer = APIGatewayProxyStructuredResultV2

/**
 * A handler behind an HTTP API that sets CloudFront's cookies after a login, and gives signed-in users presigned uploads below
 * their own prefix.
 */
export function createHandler(dependencies: LambdaDependencies): (event: APIGatewayProxyEventV2) => Promise<Answer> {
  return async (event) => {
    try {
      if (event.routeKey === 'POST /login') return await login(event, dependencies)
      if (event.routeKey === 'POST /uploads') return await createUpload(event, dependencies)
      return json(404, { error: 'Not found.' })
    } catch (error) {
      // Without the keys, for example, the fault is not the client's.
      if (!(error instanceof EdgeSignerError) || error instanceof ServiceError) throw error
      return json(error instanceof SessionError ? 401 : 400, { error: error.code })
    }
  }
}

async function login(event: APIGatewayProxyEventV2, { keys, signIn }: LambdaDependencies): Promise<Answer> {
  const userId = await signIn(bodyOf(event))
  if (userId === undefined) return json(401, { error: 'Wrong name or password.' })
  const url = `https://cdn.example.com/users/${encodeURIComponent(userId)}/*`
  const signed = await signCookies({ keys, url, expiresIn: 3600 })
  const body = { prefix: signed.path, expiresAt: signed.expiresAt }
  return { ...json(200, body), cookies: cookieHeaders(signed, { domain: 'example.com' }) }
}

async function createUpload(event: APIGatewayProxyEventV2, dependencies: LambdaDependencies): Promise<Answer> {
  const { assets, sessions } = dependencies
  // An HTTP API hands cookies over apart from the headers.
  const headers = { ...event.headers, cookie: event.cookies?.join('; ') }
  const { sub } = await verifySession(headers, sessions)
  // The folder of `bob/photos` would be inside that of `bob`.
  if (sub.includes('/')) throw new InputError(['sub'])
  const { name, size, contentType } = bodyOf(event) as NewFile
  return json(201, await assets.uploadUrl(`users/${sub}/${name}`, { size, contentType, ttlSeconds: 900 }))
}

function bodyOf({ body = '', isBase64Encoded }: APIGatewayProxyEventV2): object {
  let value: unknown
  try {
    value = JSON.parse(isBase64Encoded ? Buffer.from(body, 'base64').toString() : body)
  } catch {
    // The same answer as to JSON of another kind.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError(['body'], 'body must be a JSON object')
  return value
}

function json(statusCode: number, body: unknown): Answer {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { statusCode, headers, body: JSON.stringify(body) }
}
