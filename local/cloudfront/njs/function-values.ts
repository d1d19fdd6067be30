import type { FunctionValue, FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import { trimSpace } from '../../../shared/http/cookies.ts'

/**
 * The maps of a CloudFront Functions event, from and to their form on the wire. Their names come from outside, so they have no
 * prototype: in njs even reading `__proto__` of an ordinary object gives the prototype of all of them, and adding to that would
 * add to every object.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** A map without names. */
export function emptyValues(): FunctionValues {
  return Object.create(null) as FunctionValues
}

/** One value of a name; a second one turns it into `multiValue`, of which `value` is the first. */
export function addValue(values: FunctionValues, name: string, value: string): void {
  const present = values[name]
  if (present === undefined) values[name] = { value: value }
  else if (present.multiValue === undefined) present.multiValue = [{ value: present.value }, { value: value }]
  else present.multiValue.push({ value: value })
}

/** The lines of a header, cookie or parameter, in order: where `multiValue` is there, it wins. */
export function linesOf(value: FunctionValue): string[] {
  return value.multiValue === undefined ? [value.value] : value.multiValue.map((one) => one.value)
}

/** The lines as one text. */
export function joinLines(value: FunctionValue, separator: string): string {
  return value.multiValue === undefined ? value.value : linesOf(value).join(separator)
}

/** The event's `headers`: every field but `Cookie`. */
export function readHeaders(lines: ReadonlyArray<readonly [string, string]>): FunctionValues {
  const headers = emptyValues()
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as readonly [string, string]
    const name = line[0].toLowerCase()
    if (name === 'cookie') continue
    if (headers[name] === undefined) headers[name] = { value: line[1] }
    else addValue(headers, name, line[1])
  }
  return headers
}

/** The event's `cookies`. */
export function readCookies(lines: ReadonlyArray<readonly [string, string]>): FunctionValues {
  const cookies = emptyValues()
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as readonly [string, string]
    if (line[0].toLowerCase() === 'cookie') readCookieLine(line[1], cookies)
  }
  return cookies
}

function readCookieLine(line: string, cookies: FunctionValues): void {
  const pairs = line.split(';')
  for (let i = 0; i < pairs.length; i++) {
    const pair = trimSpace(String(pairs[i]))
    const equals = pair.indexOf('=')
    if (equals > 0) addValue(cookies, pair.slice(0, equals), pair.slice(equals + 1))
  }
}

/** The event's `querystring`, values as they were sent. */
export function readQuerystring(querystring: string): FunctionValues {
  const values = emptyValues()
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
  return writePairs(values, '&', (name, value) => (value === '' ? name : `${name}=${value}`))
}

/** The `Cookie` header that an event's `cookies` stand for; empty where there are none. */
export function writeCookieHeader(cookies: FunctionValues): string {
  return writePairs(cookies, '; ', (name, value) => `${name}=${value}`)
}

function writePairs(values: FunctionValues, separator: string, write: (name: string, value: string) => string): string {
  const parts: string[] = []
  const names = Object.keys(values)
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    const value = values[name]
    if (value === undefined) continue
    const lines = linesOf(value)
    for (let j = 0; j < lines.length; j++) parts.push(write(name, lines[j] as string))
  }
  return parts.join(separator)
}
