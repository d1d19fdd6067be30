import { RequestError } from '../errors.ts'

/**
 * The decoded value of a parameter of a query string; `undefined` where it is absent. `+` stays `+`: our clients encode with
 * `encodeURIComponent`.
 *
 * @throws RequestError `ERR_REQUEST_INVALID` where the parameter came twice (two readers could pick different ones) or is not
 *   UTF-8 in percent-encoding.
 */
export function readQueryParameter(querystring: string, name: string): string | undefined {
  if (querystring === '') return undefined
  let value: string | undefined
  for (const pair of querystring.split('&')) {
    const equals = pair.indexOf('=')
    if ((equals < 0 ? pair : pair.slice(0, equals)) !== name) continue
    if (value !== undefined) throw new RequestError('ERR_REQUEST_INVALID')
    value = equals < 0 ? '' : pair.slice(equals + 1)
  }
  if (value === undefined) return undefined
  try {
    return decodeURIComponent(value)
  } catch {
    throw new RequestError('ERR_REQUEST_INVALID')
  }
}
