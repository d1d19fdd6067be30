import type { FunctionValues } from '../../shared/cloudfront/function-event.ts'

/**
 * The maps of a CloudFront Functions event, from and to their form on the wire. This file runs in njs: no classes, spread,
 * destructuring, default parameters.
 */

/** One value of a name; a second one turns it into `multiValue`, of which `value` is the first. */
export function addValue(values: FunctionValues, name: string, value: string): void {
  const present = values[name]
  if (present === undefined) values[name] = { value: value }
  else if (present.multiValue === undefined) present.multiValue = [{ value: present.value }, { value: value }]
  else present.multiValue.push({ value: value })
}

/** All values of a name, in order: where `multiValue` is there, it wins. */
export function valuesOf(values: FunctionValues, name: string): string[] {
  const present = values[name]
  if (present === undefined) return []
  return present.multiValue === undefined ? [present.value] : present.multiValue.map((one) => one.value)
}

/** The event's `headers`: every field but `Cookie`. */
export function readHeaders(lines: ReadonlyArray<readonly [string, string]>): FunctionValues {
  const headers: FunctionValues = {}
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as readonly [string, string]
    const name = line[0].toLowerCase()
    if (name !== 'cookie') addValue(headers, name, line[1])
  }
  return headers
}

/** The event's `cookies`. */
export function readCookies(lines: ReadonlyArray<readonly [string, string]>): FunctionValues {
  const cookies: FunctionValues = {}
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as readonly [string, string]
    if (line[0].toLowerCase() === 'cookie') readCookieLine(line[1], cookies)
  }
  return cookies
}

function readCookieLine(line: string, cookies: FunctionValues): void {
  const pairs = line.split(';')
  for (let i = 0; i < pairs.length; i++) {
    const pair = String(pairs[i]).trim()
    const equals = pair.indexOf('=')
    if (equals > 0) addValue(cookies, pair.slice(0, equals), pair.slice(equals + 1))
  }
}

/** The event's `querystring`, values as they were sent. */
export function readQuerystring(querystring: string): FunctionValues {
  const values: FunctionValues = {}
  const parts = querystring === '' ? [] : querystring.split('&')
  for (let i = 0; i < parts.length; i++) {
    const part = String(parts[i])
    const equals = part.indexOf('=')
    if (equals < 0) addValue(values, part, '')
    else addValue(values, part.slice(0, equals), part.slice(equals + 1))
  }
  return values
}

/** The query string that an event's `querystring` stands for. */
export function writeQuerystring(values: FunctionValues): string {
  const parts: string[] = []
  Object.keys(values).forEach((name) => {
    valuesOf(values, name).forEach((value) => {
      parts.push(value === '' ? name : `${name}=${value}`)
    })
  })
  return parts.join('&')
}

/** The `Cookie` header that an event's `cookies` stand for; empty where there are none. */
export function writeCookieHeader(cookies: FunctionValues): string {
  const pairs: string[] = []
  Object.keys(cookies).forEach((name) => {
    valuesOf(cookies, name).forEach((value) => {
      pairs.push(`${name}=${value}`)
    })
  })
  return pairs.join('; ')
}
