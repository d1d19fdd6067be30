import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignatureVerifier, verifierHeaders } from '../../../../local/cloudfront/signature-verifier.ts'
import { toCloudFrontBase64 } from '../../../../shared/cloudfront/base64.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const origin = 'https://cdn.example.com'

describe('the signature verifier', () => {
  let directory: string
  let server: Server
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'edge-signer-verifier-'))
    const files = { keyGroup: join(directory, 'group'), keyGroupGeneration: join(directory, 'generation') }
    writeFileSync(files.keyGroup, JSON.stringify({ K1: publicKey.export({ type: 'spki', format: 'pem' }) }))
    writeFileSync(files.keyGroupGeneration, '1')
    server = createSignatureVerifier(files).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
  })
  afterAll(() => {
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** The verdict on a rightly signed policy; `null` where it is good. */
  async function verdictOn(resource: string, url?: string, more: Record<string, string> = {}): Promise<string | null> {
    const policy = JSON.stringify({
      Statement: [{ Resource: resource, Condition: { DateLessThan: { 'AWS:EpochTime': 2_000_000_000 } } }],
    })
    const headers = {
      [verifierHeaders.keyPairId]: 'K1',
      [verifierHeaders.hashAlgorithm]: 'SHA256',
      [verifierHeaders.signature]: toCloudFrontBase64(sign('SHA256', Buffer.from(policy), privateKey)),
      [verifierHeaders.policy]: toCloudFrontBase64(policy),
      ...(url === undefined ? {} : { [verifierHeaders.unmatchedUrl]: toCloudFrontBase64(url) }),
      ...more,
    }
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers })
    const verdict = answer.headers.get('x-edge-verdict')
    expect(answer.status).toBe(verdict === null ? 204 : 401)
    return verdict
  }

  it('leaves a prefix to the edge, which has matched it', async () => {
    expect(await verdictOn(`${origin}/users/alice/*`)).toBeNull()
  })

  it('matches a pattern with a wildcard inside, and refuses it where no URL came', async () => {
    const pattern = `${origin}/users/*/a.txt`
    expect(await verdictOn(pattern, `${origin}/users/alice/a.txt`)).toBeNull()
    expect(await verdictOn(pattern, `${origin}/users/alice/b.txt`)).toBe('AccessDenied')
    expect(await verdictOn(pattern)).toBe('AccessDenied')
    expect(await verdictOn(pattern, undefined, { [verifierHeaders.unmatchedUrl]: 'no base64' })).toBe('AccessDenied')
  })

  it('matches a URL that came also where the pattern is a prefix', async () => {
    expect(await verdictOn(`${origin}/users/alice/*`, `${origin}/users/bob/b.txt`)).toBe('AccessDenied')
  })

  it('refuses fields of another grammar before it looks at the signature', async () => {
    const resource = `${origin}/users/alice/*`
    expect(await verdictOn(resource, undefined, { [verifierHeaders.keyPairId]: 'K1 SHA256' })).toBe('InvalidKey')
    expect(await verdictOn(resource, undefined, { [verifierHeaders.keyPairId]: 'K2' })).toBe('InvalidKey')
    expect(await verdictOn(resource, undefined, { [verifierHeaders.hashAlgorithm]: 'sha256' })).toBe('AccessDenied')
  })
})
