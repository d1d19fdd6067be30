/**
 * What a viewer-request function answers by itself, as nginx sends it.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The `Set-Cookie` lines of a function's response. */
export function cookieLines(cookies: Record<string, unknown>): string[] {
  const lines: string[] = []
  Object.keys(cookies).forEach((name) => {
    const cookie = cookies[name] as { value: string; attributes?: string; multiValue?: CookieValue[] }
    const all: CookieValue[] = cookie.multiValue === undefined ? [cookie] : cookie.multiValue
    all.forEach((one) => {
      lines.push(one.attributes === undefined ? `${name}=${one.value}` : `${name}=${one.value}; ${one.attributes}`)
    })
  })
  return lines
}

interface CookieValue {
  readonly value: string
  readonly attributes?: string
}

/** The body of a function's response: text, or `{encoding, data}`. */
export function bodyOf(body: unknown): string {
  if (body === undefined || body === null) return ''
  if (typeof body === 'string') return body
  const part = body as { encoding: string; data: string }
  return part.encoding === 'base64' ? (Buffer.from(part.data, 'base64') as unknown as string) : part.data
}
