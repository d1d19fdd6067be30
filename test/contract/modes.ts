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

/** Whether what `bootstrap` changes is the only difference to a setting that stands before it: few cases can tell them apart. */
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
 * Who wrote a 403 of a private path, as far as a client can tell: CloudFront's XML, the page that the distribution puts in its
 * place, or a problem of ours.
 */
export function refusalKind(answer: Answer): 'xml' | 'page' | 'problem' | 'other' {
  const type = answer.headers['content-type'] ?? ''
  if (type.startsWith('text/xml')) return 'xml'
  if (type.startsWith('application/problem+json')) return 'problem'
  if (type.startsWith('text/html') && answer.text.includes('/_edge/session')) return 'page'
  return 'other'
}

/** What a refusal by signature looks like in a setting. */
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
 * Whether active content of users is an attachment: that takes a look at each type, so a function at viewer-response. None may
 * join the session function there; the sandbox, which the policy sets, still keeps such content from doing anything.
 */
export function makesActiveContentAttachments(setting: Setting): boolean {
  return setting.mode === 'key-group'
}

/** Whether private files say `Vary: Origin` also where no `Origin` came: the headers function does, CloudFront's policy does not. */
export function alwaysVaries(setting: Setting): boolean {
  return setting.mode === 'key-group'
}

/** Whether a valid Bearer session alone opens a private path. */
export function bearerOpensPrivatePaths(setting: Setting): boolean {
  return setting.mode === 'gate'
}

/**
 * What good cookies are worth beside the session of another user, who may not read the path: CloudFront knows nothing of sessions,
 * the session function reads it.
 */
export function statusBesideOtherUser(setting: Setting): 200 | 403 {
  return setting.mode === 'gate' ? 403 : 200
}

/** Whether a private path answers a GET without cookies, but with a good session, by 307 and fresh cookies. */
export function mintsOnPrivatePaths(setting: Setting): boolean {
  return setting.mode === 'gate'
}

/**
 * Whether a revocation is read from the state object, which the session function keeps for 30 s, and not from the
 * KeyValueStore.
 */
export function readsRevocationsFromState(setting: Setting): boolean {
  return setting.mode === 'gate'
}

/**
 * What a preflight without cookies meets on a private path. Whether a key group lets it pass is not documented; the emulation
 * rejects it unless told otherwise, so nothing of ours may depend on it.
 */
export function privatePreflightStatus(setting: Setting): 204 | 403 {
  return setting.mode === 'gate' ? 204 : 403
}
