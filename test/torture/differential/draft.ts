import { createHash, sign } from 'node:crypto'
import type { Random } from '../random.ts'
import { type CaseKey, type DifferentialStage, privateFiles } from './stage.ts'

/**
 * How a case comes to be: a claim says what is to be signed, signing makes a draft of it, and the draft becomes the bytes of a
 * request. A mutation changes the claim (the request is then rightly signed for something odd) or the draft (something odd
 * happens to a right signature). Texts hold one byte per character, so that every byte can be sent.
 */

/** The ways in which a request can be signed. */
export const vias = ['cookies', 'canned-cookies', 'url', 'canned-url', 'link', 'folder-link'] as const
export type Via = (typeof vias)[number]

/** The content of a signature. */
export interface Claim {
  readonly stage: DifferentialStage
  readonly via: Via
  readonly now: number
  key: CaseKey
  hash: 'SHA1' | 'SHA256'
  host: string
  /** As in the request line; what is asked for. */
  path: string
  /** Parameters besides those of the signature. */
  query: string[]
  resource: string
  /** JSON, as it will be in the policy. */
  expires: string
  notBefore: string | undefined
  sourceIp: string | undefined
  /** The name in a download link. */
  fileName: string | undefined
  /** Changes the policy's text before it is signed. */
  policyText: (text: string) => string
}

/** A signed request whose parts can still be changed. */
export interface Draft {
  readonly claim: Claim
  readonly via: Via
  method: string
  path: string
  query: string[]
  /** `[name, value]`, in the order in which they are sent. Names are those of a URL. */
  fields: [string, string][]
  /** Sent before and after the cookies of the signature. */
  otherCookies: string[]
  cookieSeparator: string
  headers: [string, string][]
}

/** A request for a file that exists, rightly signed for it. */
export function randomClaim(stage: DifferentialStage, random: Random, now: number): Claim {
  const via = random.pick(vias)
  const file = random.pick(privateFiles)
  const path = `${via.endsWith('link') ? '/assets/private' : ''}${pathOf(file)}`
  const prefix = path.slice(0, path.indexOf('/', via.endsWith('link') ? 23 : 8) + 1)
  const query =
    via === 'link' || via === 'folder-link' || random.chance(0.6) ? [] : [random.pick(['x=1', 'v', 'a=b&c=d'])]
  const key = random.chance(0.7) ? (stage.trusted[0] as CaseKey) : random.pick(stage.trusted)
  const whole = `https://${stage.host}${path}${query.length > 0 ? `?${query.join('&')}` : ''}`
  const isWhole = via.startsWith('canned') || (via === 'url' && random.chance(0.5))
  return {
    stage,
    via,
    now,
    key,
    hash: key.algorithm === 'RS1' ? 'SHA1' : 'SHA256',
    host: stage.host,
    path,
    query,
    resource: via === 'folder-link' ? prefix : isWhole ? whole : `https://${stage.host}${prefix}*`,
    expires: String(now + 3600),
    notBefore: random.chance(0.3) ? String(now - 60) : undefined,
    sourceIp: random.chance(0.2) ? '127.0.0.1/32' : undefined,
    fileName: random.chance(0.3) ? 'attachment%3B%20filename%2A%3DUTF-8%27%27x.bin' : undefined,
    policyText: (text) => text,
  }
}

/** The policy of a claim, with its fields in AWS's order. */
export function policyOf(claim: Claim): string {
  const { resource, expires, notBefore, sourceIp } = claim
  const isCanned = claim.via.startsWith('canned')
  const from = notBefore === undefined || isCanned ? '' : `,"DateGreaterThan":{"AWS:EpochTime":${notBefore}}`
  const by = sourceIp === undefined || isCanned ? '' : `,"IpAddress":{"AWS:SourceIp":${JSON.stringify(sourceIp)}}`
  const condition = `{"DateLessThan":{"AWS:EpochTime":${expires}}${from}${by}}`
  return claim.policyText(`{"Statement":[{"Resource":${JSON.stringify(resource)},"Condition":${condition}}]}`)
}

/** Signs a claim. */
export function signClaim(claim: Claim): Draft {
  const draft: Draft = {
    claim,
    via: claim.via,
    method: 'GET',
    path: claim.path,
    query: [...claim.query],
    fields: claim.via.endsWith('link') ? linkFields(claim) : signatureFields(claim),
    otherCookies: [],
    cookieSeparator: '; ',
    headers: [],
  }
  return draft
}

/** The fields of a CloudFront signature, as AWS's signers make them. */
export function signatureFields(claim: Claim): [string, string][] {
  const policy = Buffer.from(policyOf(claim), 'latin1')
  const signature = toUrlBase64(signBytes(policy, claim.key, claim.hash))
  const first: [string, string] = claim.via.startsWith('canned')
    ? ['Expires', claim.expires]
    : ['Policy', toUrlBase64(policy)]
  const fields: [string, string][] = [first, ['Signature', signature], ['Key-Pair-Id', claim.key.id]]
  if (claim.hash === 'SHA256') fields.push(['Hash-Algorithm', 'SHA256'])
  return fields
}

/** The parameters of a download link: md5 over `{expires}{subject} {secret}`. */
export function linkFields(claim: Claim): [string, string][] {
  const name = claim.fileName === undefined ? '' : `?response-content-disposition=${claim.fileName}`
  const isFolder = claim.via === 'folder-link'
  const subject = isFolder ? `${claim.resource}*` : `${decodePath(claim.path)}${name}`
  const md5 = createHash('md5')
    .update(Buffer.from(`${claim.expires}${subject} ${claim.stage.linkSecret}`, 'latin1'))
    .digest('base64url')
  const fields: [string, string][] = [
    ['md5', md5],
    ['expires', claim.expires],
  ]
  if (isFolder) fields.push(['prefix', claim.resource])
  else if (name !== '') fields.push(['response-content-disposition', claim.fileName ?? ''])
  return fields
}

/** The bytes of the request. */
export function renderDraft(draft: Draft): Buffer {
  const isCookies = draft.via.endsWith('cookies')
  const query = isCookies ? draft.query : [...draft.query, ...draft.fields.map(([name, value]) => `${name}=${value}`)]
  const cookies = [
    ...draft.otherCookies.slice(0, 1),
    ...(isCookies ? draft.fields.map(([name, value]) => `CloudFront-${name}=${value}`) : []),
    ...draft.otherCookies.slice(1),
  ]
  const target = `${draft.path}${query.length > 0 ? `?${query.join('&')}` : ''}`
  const lines = [
    `${draft.method} ${target} HTTP/1.1`,
    `Host: ${draft.claim.host}`,
    ...(cookies.length > 0 ? [`Cookie: ${cookies.join(draft.cookieSeparator)}`] : []),
    ...draft.headers.map(([name, value]) => `${name}: ${value}`),
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** A signature over these bytes. */
export function signBytes(bytes: Buffer, key: CaseKey, hash: 'SHA1' | 'SHA256'): Buffer {
  return sign(hash, bytes, key.privateKey)
}

/** CloudFront's base64. */
export function toUrlBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('=', '_').replaceAll('/', '~')
}

/** An object key as a path, everything but unreserved characters in escapes. */
export function pathOf(key: string): string {
  const encode = (segment: string) =>
    encodeURIComponent(segment).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return `/${key.split('/').map(encode).join('/')}`
}

/** The bytes of a path that nginx compares, one per character; a broken escape stays as it is. */
function decodePath(path: string): string {
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
