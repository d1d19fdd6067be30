import type { Answer } from '../support/http-client.ts'

/**
 * The one place where the enforcement modes differ in what a client sees. Every other file of the suite holds for both:
 * a test that needs to know the mode asks here.
 */
export type EnforcementMode = 'key-group' | 'gate'
export type BootstrapMode = 'error-page' | 'none'

/** One way to run the system. */
export interface Setting {
  readonly mode: EnforcementMode
  readonly bootstrap: BootstrapMode
}

/** Every setting that the emulation is tested in. */
export const settings: readonly Setting[] = [
  { mode: 'key-group', bootstrap: 'error-page' },
  { mode: 'key-group', bootstrap: 'none' },
  { mode: 'gate', bootstrap: 'error-page' },
]

/** Returns true if only `bootstrap` differs from an earlier setting, so that few cases can tell them apart. */
export function differsInRefusalsOnly(setting: Setting): boolean {
  return setting.bootstrap === 'none'
}

/** The XML `Code` and `Message` of CloudFront's own refusals. */
export const refusals = {
  MissingKey: 'Missing Key-Pair-Id query parameter or cookie value',
  InvalidKey: 'Unknown Key',
  MalformedPolicy: 'Malformed Policy',
  AccessDenied: 'Access denied',
} as const

export type RefusalCode = keyof typeof refusals | 'MalformedSignature'

/**
 * The kind of a 403 of a private path, as a client sees it: CloudFront's XML, the distribution's page in its place, or a
 * problem of the session function.
 */
export function refusalKind(answer: Answer): 'xml' | 'page' | 'problem' | 'other' {
  const type = answer.headers['content-type'] ?? ''
  if (type.startsWith('text/xml')) return 'xml'
  if (type.startsWith('application/problem+json')) return 'problem'
  if (type.startsWith('text/html') && answer.text.includes('/_edge/session')) return 'page'
  return 'other'
}

/** Returns the kind of a refusal by signature in a setting. */
export function expectedRefusalKind(setting: Setting): 'xml' | 'page' | 'problem' {
  // The session function sits on the behaviour and answers itself; the distribution does not replace its answers.
  if (setting.mode === 'gate') return 'problem'
  return setting.bootstrap === 'error-page' ? 'page' : 'xml'
}

/**
 * The status of a private path for a request that shows nothing: CloudFront knows only its own cookies (403), the session
 * function tells a client to sign in (401).
 */
export function statusWithoutCookies(setting: Setting): 401 | 403 {
  return setting.mode === 'gate' ? 401 : 403
}

/**
 * Returns true if active content of users is an attachment. That needs a function at viewer-response, which sees the type. None
 * may join the session function; the policy still keeps such content from running anything.
 */
export function makesActiveContentAttachments(setting: Setting): boolean {
  return setting.mode === 'key-group'
}

/** Returns true if private text without a charset is sent as UTF-8: that, too, needs a function that sees the type. */
export function namesCharsets(setting: Setting): boolean {
  return setting.mode === 'key-group'
}

/** Returns true if private files have `Vary: Origin` without an `Origin`, too: the headers function adds it, the policy does not. */
export function alwaysVaries(setting: Setting): boolean {
  return setting.mode === 'key-group'
}

/** Returns true if a valid Bearer session alone opens a private path. */
export function bearerOpensPrivatePaths(setting: Setting): boolean {
  return setting.mode === 'gate'
}

/**
 * The status of good cookies beside the session of another user without a grant for the path. CloudFront does not read
 * sessions; the session function does.
 */
export function statusBesideOtherUser(setting: Setting): 200 | 403 {
  return setting.mode === 'gate' ? 403 : 200
}

/** Returns true if a private path answers a GET with a good session and no cookies by 307 and fresh cookies. */
export function mintsOnPrivatePaths(setting: Setting): boolean {
  return setting.mode === 'gate'
}

/** The cookies that a browser holds after a sign-out: the mark that refuses older ones, where a function can read it. */
export function leftBySignOut(setting: Setting): readonly string[] {
  return setting.mode === 'gate' ? ['edge-signed-out /'] : []
}

/**
 * Returns true if a revocation is read from the state object, which the session function caches for 30 s, rather than from the
 * KeyValueStore.
 */
export function readsRevocationsFromState(setting: Setting): boolean {
  return setting.mode === 'gate'
}

/**
 * The status of a preflight without cookies on a private path. AWS does not document whether a key group lets it pass. The
 * emulation rejects it by default, so that nothing depends on it.
 */
export function privatePreflightStatus(setting: Setting): 204 | 403 {
  return setting.mode === 'gate' ? 204 : 403
}

/**
 * Returns true if a signed URL of CloudFront sets the name of a download. The headers function sets it, and it cannot join the
 * session function. Links of a single server are named in both modes.
 */
export function namesSignedDownloads(setting: Setting): boolean {
  return setting.mode === 'key-group'
}
