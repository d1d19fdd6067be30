import cf from 'cloudfront'
// biome-ignore lint/style/useNodejsImportProtocol: CloudFront Functions know the module by this name only.
import crypto from 'crypto'
import type {
  FunctionRequest,
  FunctionResponse,
  FunctionValue,
  ViewerRequestEvent,
} from '../../shared/cloudfront/function-event.ts'
import { signingParameters, stampCookieName } from '../../shared/cloudfront/signing-fields.ts'
import { checkRead, readMethods } from '../../shared/read/check-read.ts'
import { generatePreflight, generateProblem } from '../../shared/read/function-response.ts'
import { isStampNewer, parseRevocationValue, revocationKey, stampKeyName } from '../../shared/revocation/key-value.ts'
import { readStamp } from '../../shared/revocation/stamp-format.ts'
import type { GuardFunctionConfig, GuardProblems } from './config.ts'

declare const __CONFIG__: GuardFunctionConfig

const store = cf.kvs()

/**
 * The guard of the paths that S3 serves (viewer-request): passes a request on unchanged, or answers it.
 *
 * CloudFront has checked the signature before this runs. The rest is the rules of every read (`checkRead`) and revocation.
 * This runs for every range of every viewer, so the common request takes one pass over the path and one look-up.
 */
export async function handler(event: ViewerRequestEvent): Promise<FunctionRequest | FunctionResponse> {
  const request = event.request
  const headers = request.headers
  const checked = checkRead(
    { method: request.method, path: request.uri, range: headers.range, destination: headers['sec-fetch-dest'] },
    __CONFIG__.rules,
  )
  if (typeof checked === 'string') return refuse(request, checked)
  if (request.method === 'OPTIONS') return generatePreflight(request, __CONFIG__.readers)
  try {
    let before: number | undefined
    for (let i = 0; i < checked.length; i++) {
      const key = revocationKey(checked[i] as string)
      // `exists`, because `get` of a missing key throws, which costs more than everything else here.
      if (await store.exists(key)) {
        const entry = await store.get(key)
        before = Math.max(before || 0, parseRevocationValue(entry))
      }
    }
    if (before === undefined) return request
    const stampKey = await store.get(stampKeyName)
    const host = __CONFIG__.host || (headers.host as FunctionValue).value.toLowerCase()
    if (isGrantedAfter(before, request, host, checked, stampKey, Date.now() / 1000)) return request
    return refuse(request, 'ERR_ACCESS_REVOKED')
  } catch {
    // Without the KeyValueStore nobody can say whether access was revoked: closed.
    return refuse(request, 'ERR_STATE_UNAVAILABLE')
  }
}

function refuse(request: FunctionRequest, code: keyof GuardProblems): FunctionResponse {
  const allow = code === 'ERR_METHOD_NOT_ALLOWED' ? readMethods : undefined
  const problems = JSON.parse(__CONFIG__.problems) as GuardProblems
  return generateProblem([code, problems[code]], request, __CONFIG__.readers, allow)
}

/**
 * Returns true if `request` has a stamp for one of `prefixes` that is newer than `before`: access was granted again since then.
 *
 * The policy proves nothing here: the function cannot verify its signature, and the policy of another grant would do. A
 * signed URL is refused on a revoked prefix, also where a stamp comes with it: CloudFront checked the URL and not the cookies.
 *
 * @param now epoch seconds.
 */
function isGrantedAfter(
  before: number,
  request: FunctionRequest,
  host: string,
  prefixes: readonly string[],
  stampKey: string,
  now: number,
): boolean {
  if (signingParameters.some((name) => request.querystring[name] !== undefined)) return false
  const cookie = request.cookies[stampCookieName]
  if (!cookie) return false
  const hmac = (text: string) => crypto.createHmac('sha256', stampKey).update(text).digest('base64url')
  // A leftover of the same name may come beside the new stamp; each was made by us or counts for nothing.
  return (cookie.multiValue || [cookie]).some((stamp) =>
    prefixes.some((prefix) => isStampNewer(readStamp(hmac, host, prefix, stamp.value), before, now)),
  )
}
