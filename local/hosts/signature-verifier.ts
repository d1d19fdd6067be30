import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { fromCloudFrontBase64, toCloudFrontBase64 } from '../../shared/cloudfront/base64.ts'
import { type SignatureVerdict, verifySignature } from '../../shared/cloudfront/verify.ts'

/** Where the key group is. */
export interface KeyGroupFiles {
  readonly keyGroup: string
  readonly keyGroupGeneration: string
}

/**
 * Answers nginx's `auth_request`: 204 where a signature was made over its policy by a key of the key group, else 401 with
 * CloudFront's error code in `X-Edge-Verdict`. The question is `<key pair id> <hash> <signature> <policy>` in
 * `X-Edge-Signed`, as the edge found them.
 */
export function createSignatureVerifier(files: KeyGroupFiles): Server {
  const keys = keyGroupReader(files)
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    const verdict = judge(String(request.headers['x-edge-signed']), keys())
    if (verdict !== 'valid') response.setHeader('X-Edge-Verdict', verdict)
    response.statusCode = verdict === 'valid' ? 204 : 401
    response.end()
  })
}

/** Reads the policy strictly (the edge does not), then verifies. */
function judge(question: string, keys: ReadonlyMap<string, KeyObject>): SignatureVerdict | 'MalformedPolicy' {
  const [keyPairId = '', hash, signature = '', encoded = ''] = question.split(' ')
  const policy = fromCloudFrontBase64(encoded)?.toString('utf8')
  // Bytes that are not UTF-8 would be replaced, and something else would be verified than was checked.
  if (policy === undefined || toCloudFrontBase64(policy) !== encoded) return 'MalformedPolicy'
  const hashAlgorithm = hash === 'SHA256' ? 'SHA256' : 'SHA1'
  return verifySignature({ keyPairId, hashAlgorithm, signature, policyJson: policy }, keys)
}

/** Reads the key group again only when its generation changed. */
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
