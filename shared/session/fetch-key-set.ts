import { ServiceError } from '../errors.ts'

/**
 * Fetches the app's JWK Set (RFC 7517); 1.5 s. A redirect is refused: the address in the config is the one that was trusted.
 *
 * @throws ServiceError `ERR_JWKS_UNAVAILABLE`, or what `around.fetch` throws.
 */
export async function fetchKeySet(url: string, around: { readonly fetch: typeof fetch }): Promise<unknown> {
  const response = await around.fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(1500),
  })
  if (!response.ok) throw new ServiceError('ERR_JWKS_UNAVAILABLE')
  return response.json()
}
