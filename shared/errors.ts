/**
 * Every failure that a caller may meet, its stable `code`, and the tables from code to HTTP status and public text: one for
 * each area, so that a bundle carries the texts that it can answer with and no others.
 *
 * Bodies carry fixed text only: nothing of the request, no token, no cookie, no policy (SECURITY.md, "What never leaves").
 */

/** Fixed public text of a code: HTTP status, RFC 9457 `title`, and `detail` that says what to do. */
export type Problem = readonly [status: number, title: string, detail: string]

type Problems = Readonly<Record<`ERR_${string}`, Problem>>

/** Codes of the functions at the edge. */
export const edgeProblems = {
  // The request
  ERR_REQUEST_INVALID: [400, 'Bad request', 'The request could not be understood.'],
  ERR_HOST_UNKNOWN: [400, 'Unknown host', 'This host name is not one of the distribution.'],
  ERR_MISDIRECTED: [421, 'Misdirected request', 'This server does not serve that host name.'],
  ERR_RETURN_INVALID: [400, 'Bad return address', 'Send a local path or an allowed origin.'],
  ERR_NOT_FOUND: [404, 'Not found', 'There is nothing at this address.'],
  ERR_METHOD_NOT_ALLOWED: [405, 'Method not allowed', 'Use a method of the Allow header.'],
  ERR_CROSS_SITE: [403, 'Cross-site request refused', 'A state change must come from an allowed origin.'],
  // The private paths
  ERR_PATH_NOT_CANONICAL: [400, 'Path not canonical', 'Leave out /./, /../, // and encoded separators.'],
  ERR_PATH_RESERVED: [400, 'Prefix not encoded', 'Percent-encode the prefix: @ is %40.'],
  ERR_FETCH_DESTINATION: [403, 'Not code', 'A file is no script, worker or style sheet of a page.'],
  ERR_RANGE_REQUIRED: [400, 'Range required', 'Send a Range header with one byte range.'],
  ERR_RANGE_MULTIPLE: [416, 'One range at a time', 'Send one byte range per request.'],
  ERR_SIGNATURE: [403, 'Access denied', 'The signature does not open this address.'],
  ERR_ACCESS_REVOKED: [403, 'Access revoked', 'Access to this prefix was revoked. Sign in again.'],
  ERR_NO_COOKIES: [403, 'Cookies are blocked', 'Allow cookies for this site, then try again.'],
  // The app session
  ERR_SESSION_MISSING: [
    401,
    'Sign in required',
    'No app session came with the request. Another site needs cookies.sameSite none.',
  ],
  ERR_SESSION_DUPLICATE: [401, 'Sign in required', 'The session cookie came more than once.'],
  ERR_SESSION_INVALID: [401, 'Sign in required', 'The app session is not valid.'],
  ERR_SESSION_EXPIRED: [401, 'Session expired', 'Sign in again.'],
  ERR_SESSION_REVOKED: [401, 'Session revoked', 'Sign in again in a few minutes.'],
  // The grants
  ERR_GRANT_NONE: [403, 'Nothing granted', 'This session grants access to no prefix.'],
  ERR_GRANT_CLAIM: [403, 'Claim not usable', 'A claim of this session cannot name a prefix.'],
  ERR_GRANT_TOO_MANY: [403, 'Too many grants', 'This session grants more prefixes than cookies can hold.'],
  ERR_RETURN_NOT_GRANTED: [403, 'No access', 'This session gives no access to the address asked for.'],
  ERR_VIEWER_ADDRESS: [403, 'Address not supported', 'Cookies of this site are bound to an IPv4 address.'],
  // Our own configuration and services
  ERR_KEYS_UNAVAILABLE: [503, 'Signing keys unavailable', 'Try again in a few seconds.'],
  ERR_KEYS_INVALID: [503, 'Signing keys unusable', 'The operator must repair the key document.'],
  ERR_JWKS_UNAVAILABLE: [503, 'Session keys unavailable', 'Try again in a few seconds.'],
  ERR_STATE_UNAVAILABLE: [503, 'Revocation state unavailable', 'Try again in a few seconds.'],
  ERR_CONFIG: [503, 'Not configured', 'The operator must repair the configuration.'],
  ERR_NOT_IMPLEMENTED: [501, 'Not implemented', 'This deployment does not offer that.'],
  ERR_INTERNAL: [500, 'Internal error', 'Try again later.'],
} as const satisfies Problems

/** Assets and uploads: what the regional API answers with, beside the above. */
export const assetProblems = {
  ERR_KEY_INVALID: [400, 'Bad key', 'A key is a relative path such as users/alice/photo.jpg, of at most 1,024 bytes.'],
  ERR_KEY_RESERVED: [400, 'Reserved key', 'Keys below _edge/, _incoming/ and _state/ belong to the service.'],
  ERR_FILE_NAME: [400, 'Bad file name', 'A file name is one path segment without control characters.'],
  ERR_CONTENT_TYPE: [400, 'Bad content type', 'Send a media type such as image/png.'],
  ERR_SIZE: [400, 'Bad size', 'The size is a whole number of bytes.'],
  ERR_CHECKSUM: [
    400,
    'Bad checksum',
    'Send a base64 SHA256, or a base64 CRC64NVME; a multipart upload takes CRC64NVME only.',
  ],
  ERR_CURSOR: [400, 'Bad cursor', 'Send the cursor of the page before as it was.'],
  ERR_ORIGIN_REQUIRED: [400, 'Origin not allowed', 'With a session cookie, a state change needs an allowed Origin.'],
  ERR_MEDIA_TYPE: [415, 'JSON required', 'Send the body as application/json.'],
  ERR_BODY_TOO_LARGE: [413, 'Body too large', 'A request body has at most 2 MB.'],
  ERR_CONTENT_TYPE_REFUSED: [415, 'Content type refused', 'This prefix takes other content types only.'],
  ERR_READ_ONLY: [401, 'Read only', 'This session may read this prefix and not write to it.'],
  ERR_SCOPE: [401, 'Scope required', 'This session may not act under public/.'],
  ERR_ADMIN_SCOPE: [401, 'Scope required', 'This session may not administer the service.'],
  ERR_REVOCATION_PREFIX: [400, 'Bad prefix', 'Send a granted prefix such as /users/alice/, as a session shows it.'],
  ERR_ASSET_NOT_FOUND: [404, 'Not found', 'There is nothing at this key.'],
  ERR_ASSET_EXISTS: [409, 'Key taken', 'There is an asset at this key, and overwriting was not asked for.'],
  ERR_ASSET_CHANGED: [
    409,
    'Asset changed',
    'The source was written to during the move. It is still there, beside its copy.',
  ],
  ERR_TOO_LARGE: [413, 'File too large', 'The file is larger than this service accepts.'],
  ERR_QUOTA: [413, 'Quota exceeded', 'Delete something first.'],
  ERR_UPLOAD_NOT_FOUND: [404, 'No such upload', 'Ask for a new upload ticket.'],
  ERR_UPLOAD_USED: [410, 'Ticket used', 'A ticket begins one upload. Ask for a new one.'],
  ERR_UPLOAD_EXPIRED: [410, 'Upload expired', 'Ask for a new upload ticket.'],
  ERR_UPLOAD_REVOKED: [410, 'Upload revoked', 'Access was revoked after the ticket was issued. Ask for a new one.'],
  ERR_UPLOAD_INCOMPLETE: [409, 'Upload not finished', 'Send the bytes first, then confirm.'],
  ERR_UPLOAD_MISMATCH: [
    422,
    'Upload differs from its declaration',
    'Length, type or checksum differ. Nothing was published.',
  ],
  ERR_UPLOAD_PARTS: [400, 'Bad parts', 'Parts are numbered from 1 to at most 10,000, without holes, each once.'],
  ERR_UPLOAD_OFFSET: [409, 'Other offset', 'Ask for the offset with HEAD, and go on from there.'],
  ERR_TUS_VERSION: [412, 'Other tus version', 'Send Tus-Resumable: 1.0.0.'],
  ERR_UPLOAD_PAUSED: [423, 'Upload busy', 'Try again in a second, from the offset that it then tells.'],
  ERR_LINK_INVALID: [403, 'Link not valid', 'Ask for a new download URL.'],
  ERR_LINK_EXPIRED: [410, 'Link expired', 'Ask for a new download URL.'],
  ERR_STORE_UNAVAILABLE: [503, 'Storage unavailable', 'Try again in a few seconds.'],
} as const satisfies Problems

/** The life of the signing keys, and chunked files: told to operators. */
export const operatorProblems = {
  ERR_KEYS_LIMIT: [503, 'Too many keys', 'The operator must wait until old keys retire.'],
  ERR_KEYS_ROTATION: [503, 'Rotation stopped', 'The operator must look at the rotation.'],
  ERR_MANIFEST: [422, 'Bad manifest', 'The manifest does not describe a chunked file.'],
  ERR_FILE_CHANGED: [409, 'File changed', 'The file was written to while it was read. Publish it again.'],
} as const satisfies Problems

/** All of them. The mark lets a bundle that does not read it leave it out. */
export const problems = /* @__PURE__ */ Object.assign({}, edgeProblems, assetProblems, operatorProblems)

/** The codes that functions at the edge answer with. */
export type EdgeErrorCode = keyof typeof edgeProblems

/** The union of all codes. */
export type ErrorCode = keyof typeof problems

/**
 * The base of every error that this project throws on purpose. `code` is stable; `message` is for operators and logs
 * and must not hold a token, cookie, policy or signature. Left out, it is the code: see `messageOf`.
 */
export class EdgeSignerError extends Error {
  override readonly name: string = 'EdgeSignerError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message?: string, options?: ErrorOptions) {
    super(message ?? code, options)
    this.code = code
  }
}

/** The request itself cannot be served: 4xx, told to the viewer. */
export class RequestError extends EdgeSignerError {
  override readonly name = 'RequestError'
}

/**
 * Why an app session is refused. A closed list, for logs and `explain`: names of claims come from the configuration, and no value
 * of a token is ever part of a reason.
 */
export type SessionReason =
  | 'not-a-jws'
  | 'encrypted'
  | 'header'
  | 'alg'
  | 'kid-unknown'
  | 'key'
  | 'signature'
  | 'payload'
  | 'iss'
  | 'aud'
  | 'exp'
  | 'nbf'
  | 'iat'
  | 'sub'
  | `claim:${string}`

/** No usable app session: 401, or the login page on a navigation. */
export class SessionError extends EdgeSignerError {
  override readonly name = 'SessionError'
  /** Absent where the code says it all. */
  readonly reason: SessionReason | undefined

  constructor(code: ErrorCode, reason?: SessionReason) {
    super(code)
    this.reason = reason
  }
}

/** An asset, an upload or a download that cannot be served as asked: 4xx with the code's own status. */
export class AssetError extends EdgeSignerError {
  override readonly name = 'AssetError'
}

/** A good session that cannot be turned into grants: 403. */
export class GrantError extends EdgeSignerError {
  override readonly name = 'GrantError'
  /** Name of the claim that cannot be used. */
  readonly claim: string | undefined

  constructor(code: ErrorCode, message?: string, claim?: string) {
    super(code, message)
    this.claim = claim
  }
}

/** Returns the reason of a refusal; `undefined` where the code says it all. */
export function reasonOf(error: unknown): SessionReason | undefined {
  if (error instanceof SessionError) return error.reason
  return error instanceof GrantError && error.claim !== undefined ? `claim:${error.claim}` : undefined
}

/** Input that a schema refused: 400. `fields` are names of the schema, never of the request. */
export class InputError extends EdgeSignerError {
  override readonly name = 'InputError'
  readonly fields: readonly string[]

  constructor(fields: readonly string[], message?: string) {
    super('ERR_REQUEST_INVALID', message)
    this.fields = fields
  }
}

/** Our own keys, state or configuration: 503, alarm. Never caused by what a viewer sent. */
export class ServiceError extends EdgeSignerError {
  override readonly name = 'ServiceError'
}

/** A wrong value in `edge-signer.config.ts` or a deployment parameter; stops packaging and names the field. */
export class ConfigError extends EdgeSignerError {
  override readonly name = 'ConfigError'
  constructor(message: string) {
    super('ERR_CONFIG', message)
  }
}

/** Text of an error for an operator: its own message, else the public text of its code. */
export function messageOf(error: EdgeSignerError): string {
  return error.message === error.code ? problems[error.code][2] : error.message
}

/** The code of an error as the edge tells it: one that no function at the edge should meet is an internal error there. */
export function edgeCodeOf(error: unknown): EdgeErrorCode {
  return error instanceof EdgeSignerError && Object.hasOwn(edgeProblems, error.code)
    ? (error.code as EdgeErrorCode)
    : 'ERR_INTERNAL'
}
