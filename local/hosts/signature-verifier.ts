import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { verifySignature } from '../../shared/cloudfront/verify.ts'

/** Where the key group is. */
export interface KeyGroupFiles {
  readonly keyGroup: string
  readonly keyGroupGeneration: string
}

/**
 * Answers nginx's `auth_request`: 204 where a signature was made over its policy by a key of the key group, else 401 with
 * CloudFront's error code in `X-Edge-Verdict`. The question is `<key pair id> <hash> <signature> <base64 of the policy>` in
 * `X-Edge-Signed`, put together by the edge from what it has read already.
 */
export function createSignatureVerifier(files: KeyGroupFiles): Server {
  const keys = keyGroupReader(files)
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    const [keyPairId = '', hash, signature = '', policy = ''] = String(request.headers['x-edge-signed']).split(' ')
    const verdict = verifySignature(
      {
        keyPairId,
        hashAlgorithm: hash === 'SHA256' ? 'SHA256' : 'SHA1',
        signature,
        policyJson: Buffer.from(policy, 'base64').toString('utf8'),
      },
      keys(),
    )
    if (verdict !== 'valid') response.setHeader('X-Edge-Verdict', verdict)
    response.statusCode = verdict === 'valid' ? 204 : 401
    response.end()
  })
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
