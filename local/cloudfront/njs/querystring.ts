import { signingParameters } from '../../../shared/cloudfront/signing-fields.ts'
import type { ForwardedValues } from '../template/model.ts'

/**
 * Query strings between viewer, functions and origin. This file runs in njs: no classes, spread, destructuring, default
 * parameters.
 */

const names: readonly string[] = signingParameters

/** Leaves out the parameters of a signed URL, as CloudFront does before the origin. */
export function stripSignature(querystring: string): string {
  return keepParameters(querystring, (name) => names.indexOf(name) < 0)
}

/** What of a query string the policies of a behaviour let through. */
export function forwardedQuerystring(querystring: string, rule: ForwardedValues['querystrings']): string {
  if (rule === 'all' || querystring === '') return querystring
  if (rule === 'none') return ''
  return keepParameters(querystring, (name) =>
    'only' in rule ? includes(rule.only, name) : !includes(rule.except, name),
  )
}

function keepParameters(querystring: string, keep: (name: string) => boolean): string {
  if (querystring === '') return ''
  return querystring
    .split('&')
    .filter((part) => {
      const equals = part.indexOf('=')
      return keep(equals < 0 ? part : part.slice(0, equals))
    })
    .join('&')
}

/**
 * Loops over lists. Those that njs preloads (`js_preload_object`) have no methods in njs 0.7, only a length and elements, so
 * every list of the configuration is read through these.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `list.includes(value)` */
export function includes<T>(list: readonly T[], value: T): boolean {
  for (let i = 0; i < list.length; i++) if (list[i] === value) return true
  return false
}

/** `list.some(holds)` */
export function some<T>(list: readonly T[], holds: (item: T) => boolean): boolean {
  for (let i = 0; i < list.length; i++) if (holds(list[i] as T)) return true
  return false
}

/** `list.join(', ')` */
export function joined(list: readonly string[]): string {
  let text = ''
  for (let i = 0; i < list.length; i++) text += i === 0 ? String(list[i]) : `, ${list[i]}`
  return text
}
