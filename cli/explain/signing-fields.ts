import { isSignedUrl } from '../../shared/cloudfront/signed-request.ts'
import { readCookies } from '../../shared/http/cookies.ts'
import { readQueryParameter } from '../../shared/http/query.ts'

/** Names of the parts of a signature in a URL; a cookie has `CloudFront-` before the name. */
export const fieldNames = ['Policy', 'Expires', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm'] as const
export type FieldName = (typeof fieldNames)[number]

/** The parts of a signature in a request, not yet judged. */
export interface SigningFields {
  readonly source: 'url' | 'cookies'
  /** Every value of each name, in the order sent. */
  readonly values: ReadonlyMap<FieldName, readonly string[]>
  /** Parts among the cookies, even if a signed URL makes CloudFront ignore them. */
  readonly cookieNames: readonly FieldName[]
}

/**
 * Finds the parts of a signature. `readSignedRequest` judges them; this function keeps what that one discards: which part is
 * missing, duplicate or unreadable.
 */
export function readSigningFields(querystring: string, cookieHeader: string): SigningFields {
  const cookies = readCookies(cookieHeader)
  const fromCookies = new Map<FieldName, readonly string[]>()
  for (const name of fieldNames) {
    const values = cookies.get(`CloudFront-${name}`)
    if (values !== undefined) fromCookies.set(name, values)
  }
  const cookieNames = [...fromCookies.keys()]
  if (!isSignedUrl(querystring)) return { source: 'cookies', values: fromCookies, cookieNames }
  const fromUrl = new Map<FieldName, string[]>()
  for (const part of querystring.split('&').filter(isSignedUrl)) {
    const name = part.split('=', 1)[0] as FieldName
    fromUrl.set(name, [...(fromUrl.get(name) ?? []), decode(part, name)])
  }
  return { source: 'url', values: fromUrl, cookieNames }
}

/** Returns the fields that came under their name in another spelling or case, such as `cloudfront-policy` or `KeyPairId`. */
export function misspeltFields(querystring: string, cookieHeader: string): FieldName[] {
  const plain = (name: string) =>
    name
      .toLowerCase()
      .replace(/^cloudfront/, '')
      .replace(/[-_.]/g, '')
  const parameters = querystring.split('&').map((part) => part.split('=', 1)[0] ?? '')
  const cookies = [...readCookies(cookieHeader).keys()].filter((name) => /^cloud-?_?front/i.test(name))
  const exact: readonly string[] = fieldNames
  const given = [
    ...parameters.filter((name) => !exact.includes(name)),
    ...cookies.filter((name) => !exact.includes(name.replace(/^CloudFront-/, ''))),
  ].map((name) => plain(name.replace(/^cloud-?_?front/i, '')))
  return fieldNames.filter((field) => given.includes(plain(field)))
}

/** Returns the value of a part; the first one if there are several, which the check `duplicates` reports. */
export function fieldValue(fields: SigningFields, name: FieldName): string | undefined {
  return fields.values.get(name)?.[0]
}

/** Returns the name of a part for a sentence. */
export function fieldLabel(fields: SigningFields, name: FieldName): string {
  return fields.source === 'url' ? `the parameter ${name}` : `the cookie CloudFront-${name}`
}

function decode(part: string, name: FieldName): string {
  try {
    return readQueryParameter(part, name) ?? ''
  } catch {
    return part.slice(name.length + 1)
  }
}
