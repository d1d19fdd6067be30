import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isKeyForAlgorithm, keyAlgorithms } from '../../../../shared/keys/key-algorithm.ts'
import { parseKeyDocument, serializeKeyDocument } from '../../../../shared/keys/key-document.ts'
import {
  makeKeyDocument,
  makeKeyPair,
  publicKeyFingerprint,
  publicKeyPem,
  signingKey,
} from '../../../../shared/keys/make-key-pair.ts'

describe.each(keyAlgorithms)('%s', (algorithm) => {
  it('makes a pair that fits, and a document that every function can load', () => {
    const pair = makeKeyPair(algorithm)
    expect(isKeyForAlgorithm(pair.publicKey, algorithm)).toBe(true)
    expect(createPublicKey(pair.privateKey).equals(pair.publicKey)).toBe(true)
    const document = makeKeyDocument(signingKey(pair, 'K1', 1_800_000_000), undefined)
    const parsed = parseKeyDocument(serializeKeyDocument(document))
    expect(parsed.stampKey).toBe(document.stampKey)
    expect(parsed.keys[0]).toMatchObject({ keyPairId: 'K1', algorithm, notBefore: 1_800_000_000 })
    expect(parsed.keys[0]?.privateKey?.equals(pair.privateKey)).toBe(true)
  })
})

it('never makes the same key or stamp key twice', () => {
  const [a, b] = [makeKeyPair('ES256'), makeKeyPair('ES256')]
  expect(publicKeyFingerprint(a.publicKey)).not.toBe(publicKeyFingerprint(b.publicKey))
  expect(publicKeyFingerprint(a.publicKey)).toMatch(/^[0-9a-f]{16}$/)
  const documents = [a, b].map((pair) => makeKeyDocument(signingKey(pair, 'K1', 0), undefined))
  expect(documents[0]?.stampKey).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(documents[0]?.stampKey).not.toBe(documents[1]?.stampKey)
})

it('gives CloudFront the public half alone', () => {
  expect(publicKeyPem(makeKeyPair('ES256').publicKey)).toMatch(/^-----BEGIN PUBLIC KEY-----/)
})
