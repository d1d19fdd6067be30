import { canVerify } from '../../shared/config/session-algorithms.ts'
import { type Fault, fault } from '../finding.ts'
import { showUrl } from '../redact.ts'
import { parseHttpDate } from './time.ts'

type Fields = Readonly<Record<string, unknown>>

/** A document of an issuer, or why there is none. */
export type FetchedDocument =
  | { readonly fault: Fault; readonly answeredAt?: number | undefined }
  | { readonly fault: undefined; readonly document: unknown; readonly answeredAt: number | undefined }

/** A JWK set of an issuer, or why it verifies nothing. */
export type FetchedKeySet =
  | { readonly fault: Fault; readonly answeredAt?: number | undefined }
  | { readonly fault: undefined; readonly keys: readonly Fields[]; readonly answeredAt: number | undefined }

const timeoutMs = 5000

/**
 * Fetches a JSON document as the functions do: without following redirects.
 *
 * @param what name of the document, which begins the names of the faults: `jwks`.
 */
export async function fetchDocument(url: string, what: string): Promise<FetchedDocument> {
  let response: Response
  let body: string
  try {
    response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    body = await response.text()
  } catch (error) {
    const detail = `${showUrl(url)} does not respond (${networkCause(error)})`
    return {
      fault: fault(
        `${what}-unreachable`,
        detail,
        'Correct the host. It must answer from the Internet, with a certificate that is publicly trusted.',
      ),
    }
  }
  const { status, headers } = response
  const answeredAt = parseHttpDate(headers.get('date'))
  if (status >= 300 && status < 400) {
    const target = headers.get('location') ?? 'elsewhere'
    const detail = `${showUrl(url)} redirects to ${showUrl(target)}, and no redirect is followed`
    const remedy = 'Configure the address at the end of the redirects.'
    return { fault: fault(`${what}-redirect`, detail, remedy), answeredAt }
  }
  if (status !== 200) {
    const detail = `${showUrl(url)} responds with status ${status}`
    return { fault: fault(`${what}-status`, detail, 'Correct the address: it must be public.'), answeredAt }
  }
  try {
    return { fault: undefined, document: JSON.parse(body), answeredAt }
  } catch {
    const isHtml = /^\s*</.test(body)
    const detail = `${showUrl(url)} responds with ${isHtml ? 'an HTML page' : 'a text that is not JSON'}`
    return {
      fault: fault(
        isHtml ? `${what}-html` : `${what}-not-json`,
        detail,
        'Correct the address: the metadata of an issuer names its key set as jwks_uri.',
      ),
      answeredAt,
    }
  }
}

/** Codes of network faults in words; the code stays beside them, to look it up. */
const networkFaults: readonly (readonly [code: RegExp, words: string])[] = [
  [/^ENOTFOUND$/, 'no such host name'],
  [/^EAI_AGAIN$/, 'the name server does not answer'],
  [/^ECONNREFUSED$/, 'nothing listens there'],
  [/^E(HOST|NET)UNREACH$/, 'no route to that address'],
  [/^(ETIMEDOUT|UND_ERR_\w+_TIMEOUT)$/, 'timed out'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'the connection was closed'],
  [/^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT)/, 'its certificate is not accepted'],
  [/^(ERR_SSL|EPROTO)/, 'it does not speak TLS'],
]

/** Returns the cause of a failed fetch. `fetch` puts it into `cause`, and one for each address into `errors`. */
export function networkCause(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'timed out'
  for (const { code, message } of causesOf(error)) {
    if (typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code)) {
      const words = networkFaults.find(([pattern]) => pattern.test(code))?.[1]
      return words === undefined ? code : `${words}: ${code}`
    }
    // `fetch` refuses the ports of other protocols, such as 6000.
    if (message === 'bad port') return 'fetch refuses that port'
  }
  return 'network error'
}

interface Cause {
  readonly code?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

/** The error and what it names as its causes, the outermost first. */
function causesOf(error: unknown, depth = 0): readonly Cause[] {
  if (typeof error !== 'object' || error === null || depth > 4) return []
  const { cause, errors } = error as Cause
  return [error, ...[cause, errors].flat().flatMap((inner) => causesOf(inner, depth + 1))]
}

/** Fetches a JWK set, and checks that one of its keys verifies one of the algorithms. */
export async function fetchKeys(url: string, algorithms: readonly string[]): Promise<FetchedKeySet> {
  const fetched = await fetchDocument(url, 'jwks')
  if (fetched.fault !== undefined) return fetched
  const { document, answeredAt } = fetched
  const found = judgeKeys(document, algorithms)
  return Array.isArray(found)
    ? { fault: undefined, keys: found as readonly Fields[], answeredAt }
    : { fault: found as Fault, answeredAt }
}

/** Returns the keys of a JWK set document, or why it verifies nothing. */
export function judgeKeys(document: unknown, algorithms: readonly string[]): readonly Fields[] | Fault {
  const { keys, jwks_uri: uri, kty, ...others } = fieldsOf(document)
  if (Array.isArray(keys)) return judgeList(keys.map(fieldsOf), algorithms)
  if (typeof uri === 'string') {
    return fault(
      'jwks-is-metadata',
      "the address is the issuer's metadata, not its key set",
      `Set jwksUrl to its jwks_uri: ${showUrl(uri)}.`,
    )
  }
  if (kty !== undefined) {
    return fault('jwks-is-one-key', 'it is one key, not a set', 'A key set is {"keys": [ … ]} (RFC 7517 section 5).')
  }
  if (Object.values(others).some((value) => typeof value === 'string' && value.startsWith('-----BEGIN CERTIFICATE'))) {
    return fault(
      'jwks-is-x509',
      'it is a list of certificates, not a JWK set',
      'Firebase has the set at https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com.',
    )
  }
  return fault('jwks-no-keys', 'the JSON has no list named keys', 'Set jwksUrl to a JWK set (RFC 7517 section 5).')
}

function judgeList(keys: readonly Fields[], algorithms: readonly string[]): readonly Fields[] | Fault {
  if (keys.length === 0) {
    return fault(
      'jwks-empty',
      'the key set has no key',
      'Let the issuer sign with a key pair. An issuer that signs with HS256 publishes no key: put its secret in the key document.',
    )
  }
  if (keys.some((key) => canVerify(key, algorithms))) return keys
  return fault(
    'jwks-no-usable-key',
    `none of the ${keys.length} keys verifies ${algorithms.join(', ')}: the set has ${[...new Set(keys.map(describeKey))].join(', ')}`,
    'Set session.algorithms to what the issuer signs with.',
  )
}

/** Public facts of a key, such as `RSA for RS256`. */
export function describeKey({ kty, crv, alg, use }: Fields): string {
  const kind = [kty, crv].filter(isWord).join(' ')
  return `${kind === '' ? 'a key without kty' : kind}${isWord(alg) ? ` for ${alg}` : ''}${isWord(use) && use !== 'sig' ? ` (use ${use})` : ''}`
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,20}$/.test(value)
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}
