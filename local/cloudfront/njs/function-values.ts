import type { FunctionValue, FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import { trimSpace } from '../../../shared/http/trim-space.ts'

/**
 * The maps of a CloudFront Functions event, from and to their form on the wire. Their names come from outside, so they have no
 * prototype: in njs even reading `__proto__` of an ordinary object gives the prototype of all of them, and adding to that would
 * add to every object.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** njs 0.7 knows no `Object.hasOwn`. */
const hasOwn = Object.prototype.hasOwnProperty

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

/** The value of a name. A map that a function returns may have a prototype, whose members are no values. */
export function valueIn(values: FunctionValues, name: string): FunctionValue | undefined {
  const value = values[name]
  return value === undefined || hasOwn.call(values, name) ? value : undefined
}

/** All values of a name, in order: where `multiValue` is there, it wins. */
export function valuesOf(values: FunctionValues, name: string): string[] {
  const present = valueIn(values, name)
  if (present === undefined) return []
  return present.multiValue === undefined ? [present.value] : present.multiValue.map((one) => one.value)
}

/** All values of a name as one text; empty where there are none. */
export function joinedValue(values: FunctionValues, name: string, separator: string): string {
  const present = valueIn(values, name)
  if (present === undefined) return ''
  return present.multiValue === undefined ? present.value : valuesOf(values, name).join(separator)
}

/** The event's `headers`: every field but `Cookie`. */
export function readHeaders(lines: ReadonlyArray<readonly [string, string]>): FunctionValues {
  const headers = emptyValues()
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as readonly [string, string]
    const name = line[0].toLowerCase()
    if (name !== 'cookie') addValue(headers, name, line[1])
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
  Object.keys(values).forEach((name) => {
    valuesOf(values, name).forEach((value) => {
      parts.push(write(name, value))
    })
  })
  return parts.join(separator)
}
