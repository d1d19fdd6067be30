import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { fromCloudFrontBase64 } from '../../shared/cloudfront/base64.ts'
import type { CloudFrontErrorCode } from '../../shared/cloudfront/errors.ts'
import { isPrefixPattern, matchesResource } from '../../shared/cloudfront/resource-match.ts'
import { parseSigningFields } from '../../shared/cloudfront/signing-fields.ts'
import { verifySignature } from '../../shared/cloudfront/verify.ts'

/** Paths of the key group's files. */
export interface KeyGroupFiles {
  readonly keyGroup: string
  readonly keyGroupGeneration: string
}

/** Request headers from nginx, one for each field that njs has read (`local/cloudfront/nginx.ts`). */
export const verifierHeaders = {
  keyPairId: 'x-edge-key-pair-id',
  hashAlgorithm: 'x-edge-hash-algorithm',
  signature: 'x-edge-signature',
  policy: 'x-edge-policy',
  /** The URL to match, in CloudFront's base64; left out if the edge has matched it. */
  unmatchedUrl: 'x-edge-unmatched-url',
} as const

/**
 * Responds to nginx's `auth_request`: 204 if a key of the key group signed the policy and the policy covers the URL, otherwise 401
 * with CloudFront's error code in `X-Edge-Verdict`. The edge checks dates and the address, because nginx caches the response.
 */
export function createSignatureVerifier(files: KeyGroupFiles): Server {
  const keys = keyGroupReader(files)
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    const verdict = judge(request.headers, keys())
    if (verdict !== 'valid') response.setHeader('X-Edge-Verdict', verdict)
    response.statusCode = verdict === 'valid' ? 204 : 401
    response.end()
  })
}

/** Parses each field with the edge's grammar, verifies the signature, and only then matches a pattern. */
function judge(headers: IncomingHttpHeaders, keys: ReadonlyMap<string, KeyObject>): 'valid' | CloudFrontErrorCode {
  const text = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined)
  const fields = parseSigningFields({
    keyPairId: text(verifierHeaders.keyPairId),
    hashAlgorithm: text(verifierHeaders.hashAlgorithm),
    signature: text(verifierHeaders.signature),
    policy: text(verifierHeaders.policy),
  })
  if ('refusal' in fields) return fields.refusal
  const verdict = verifySignature(fields, keys)
  if (verdict !== 'valid') return verdict
  const { resource } = fields.policy
  const url = text(verifierHeaders.unmatchedUrl)
  if (url === undefined) return isPrefixPattern(resource) ? 'valid' : 'AccessDenied'
  const decoded = fromCloudFrontBase64(url)?.toString('utf8')
  return decoded !== undefined && matchesResource(resource, decoded) ? 'valid' : 'AccessDenied'
}

/** Returns a function that reads the key group, again only if its generation has changed. */
function keyGroupReader(files: KeyGroupFiles): () => ReadonlyMap<string, KeyObject> {
  let generation: string | undefined
  let keys: ReadonlyMap<string, KeyObject> = new Map()
  return () => {
    const current = readFileSync(files.keyGroupGeneration, 'utf8')
    if (current !== generation) {
      const group = JSON.parse(readFileSync(files.keyGroup, 'utf8')) as Record<string, string>
      keys = new Map(Object.entries(group).map(([id, pem]) => [id, createPublicKey(pem)]))
      generation = current
    }
    return keys
  }
}
