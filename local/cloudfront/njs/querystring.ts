import { signingParameters } from '../../../shared/cloudfront/signing-names.ts'
import type { ForwardedValues } from '../template/model.ts'
import { includes } from './list.ts'

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
