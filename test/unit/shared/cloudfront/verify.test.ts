import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toCloudFrontBase64 } from '../../../../shared/cloudfront/base64.ts'
import { cannedPolicy } from '../../../../shared/cloudfront/signed-request.ts'
import { createRememberingVerifier, verifySignature } from '../../../../shared/cloudfront/verify.ts'
import { ecPrivatePem, ecPublicPem, rsaPublicPem } from '../../fixtures/key-pairs.ts'
import { vectorCannedSignature, vectorPolicy, vectorSignatures } from '../../fixtures/policy-vectors.ts'

const keys: ReadonlyMap<string, KeyObject> = new Map([
  ['KEC', createPublicKey(ecPublicPem)],
  ['KRSA', createPublicKey(rsaPublicPem)],
])

const es256 = {
  policyJson: vectorPolicy,
  signature: vectorSignatures.ES256,
  keyPairId: 'KEC',
  hashAlgorithm: 'SHA256' as 'SHA1' | 'SHA256',
}
const rs256 = { ...es256, signature: vectorSignatures.RS256, keyPairId: 'KRSA' }
const rs1 = { ...rs256, signature: vectorSignatures.RS1, hashAlgorithm: 'SHA1' as const }

describe('verifySignature', () => {
  test.each([es256, rs256, rs1])('takes the vector: %#', (signed) =>
    expect(verifySignature(signed, keys)).toBe('valid'),
  )

  test('takes a canned policy rebuilt from its URL', () => {
    const policyJson = cannedPolicy('https://cdn.example.com/users/alice/disk.raw?v=1', 1767229200)
    expect(verifySignature({ ...rs1, policyJson, signature: vectorCannedSignature }, keys)).toBe('valid')
  })

  test('refuses elliptic curve with SHA-1 even where the signature is right', () => {
    const signature = toCloudFrontBase64(sign('sha1', Buffer.from(vectorPolicy), ecPrivatePem))
    expect(verifySignature({ ...es256, signature, hashAlgorithm: 'SHA1' }, keys)).toBe('AccessDenied')
  })

  test.each([
    [
      'one byte of the policy changed',
      { ...es256, policyJson: vectorPolicy.replace('alice', 'alicf') },
      'AccessDenied',
    ],
    ['white space added', { ...rs256, policyJson: `${vectorPolicy} ` }, 'AccessDenied'],
    ['SHA-256 without its marker', { ...rs256, hashAlgorithm: 'SHA1' as const }, 'AccessDenied'],
    ['elliptic curve without its marker', { ...es256, hashAlgorithm: 'SHA1' as const }, 'AccessDenied'],
    ['SHA-1 with the marker of SHA-256', { ...rs1, hashAlgorithm: 'SHA256' as const }, 'AccessDenied'],
    ["another key's signature", { ...es256, keyPairId: 'KRSA' }, 'AccessDenied'],
    ['a signature that is no DER', { ...es256, signature: 'AAAA' }, 'AccessDenied'],
    ['an unknown key', { ...es256, keyPairId: 'KOTHER' }, 'InvalidKey'],
    ['a name of every object', { ...es256, keyPairId: 'constructor' }, 'InvalidKey'],
    ['a signature that is no base64', { ...es256, signature: 'a+b=' }, 'MalformedSignature'],
    ['an empty signature', { ...es256, signature: '' }, 'MalformedSignature'],
  ])('%s', (_what, signed, verdict) => expect(verifySignature(signed, keys)).toBe(verdict))
})

describe('a verifier that remembers', () => {
  test.each([es256, rs256, rs1])('takes the vector, and again: %#', (signed) => {
    const verifyAgain = createRememberingVerifier(10)
    for (let i = 0; i < 2; i++) expect(verifyAgain(signed, keys)).toBe('valid')
  })

  test('asks again for every other hash, policy, signature and key', () => {
    const verifyAgain = createRememberingVerifier(10)
    for (const signed of [es256, rs256, rs1]) verifyAgain(signed, keys)
    for (const changed of [
      { ...es256, policyJson: `${vectorPolicy} ` },
      { ...es256, policyJson: vectorPolicy.replace('alice', 'bob') },
      { ...es256, signature: rs256.signature },
      { ...rs256, hashAlgorithm: 'SHA1' as const },
      { ...es256, keyPairId: 'KRSA' },
      { ...es256, keyPairId: 'KOTHER' },
      { ...es256, signature: `${es256.signature} ${vectorPolicy}`, policyJson: '' },
    ]) {
      expect(verifyAgain(changed, keys)).not.toBe('valid')
    }
    const others = new Map([['KEC', createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)]])
    expect(verifyAgain(es256, others)).toBe('AccessDenied')
    expect(verifyAgain(es256, new Map())).toBe('InvalidKey')
  })

  test('keeps so many signatures of a key, and verifies an older one again', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const own = new Map([['K', publicKey]])
    const signedOf = (policyJson: string) => ({
      ...{ policyJson, keyPairId: 'K', hashAlgorithm: 'SHA256' as const },
      signature: toCloudFrontBase64(sign('sha256', Buffer.from(policyJson), privateKey)),
    })
    const verifyAgain = createRememberingVerifier(2)
    const all = ['a', 'b', 'c'].map(signedOf)
    for (const signed of [...all, ...all]) expect(verifyAgain(signed, own)).toBe('valid')
  })
})
