import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { getSignedCookies } from '@aws-sdk/cloudfront-signer'
import { describe, expect, test } from 'vitest'
import { customPolicy, isPolicy, parsePolicy, resourcePolicy } from '../../../../shared/cloudfront/policy.ts'
import { createPolicySigner, type KmsSign } from '../../../../shared/cloudfront/signer.ts'
import { verifySignature } from '../../../../shared/cloudfront/verify.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import type { SigningKey } from '../../../../shared/keys/key-document.ts'
import { ecPrivatePem, rsaPrivatePem } from '../../fixtures/key-pairs.ts'
import { vectorPolicy, vectorPolicyBase64, vectorSignatures } from '../../fixtures/policy-vectors.ts'

function signingKey(algorithm: SigningKey['algorithm'], pem: string): SigningKey {
  const privateKey = createPrivateKey(pem)
  const publicKey = createPublicKey(privateKey)
  return { keyPairId: 'KTEST', algorithm, privateKey, kmsKeyId: undefined, publicKey, notBefore: 0 }
}

const ec = signingKey('ES256', ecPrivatePem)
const rsa = signingKey('RS256', rsaPrivatePem)
const rsaSha1 = signingKey('RS1', rsaPrivatePem)
const keysInvalid = expect.objectContaining({ name: 'ServiceError', code: 'ERR_KEYS_INVALID' })

describe('createPolicySigner', () => {
  test.each([
    [rsa, 'SHA256', vectorSignatures.RS256],
    [rsaSha1, undefined, vectorSignatures.RS1],
  ])('gives the bytes of the vector: %#', async (key, hashAlgorithm, signature) => {
    expect(await createPolicySigner(key).sign(vectorPolicy)).toEqual({
      policy: vectorPolicyBase64,
      signature,
      keyPairId: 'KTEST',
      hashAlgorithm,
    })
  })

  test.each([
    [rsa, rsaPrivatePem, 'SHA256'],
    [rsaSha1, rsaPrivatePem, 'SHA1'],
  ] as const)("gives what AWS's signer gives for a PEM: %#", async (key, privateKey, algorithm) => {
    const prefix = parseResourcePrefix('/teams/r%26d/')
    const policy = customPolicy({ host: 'cdn.example.com', prefix, notBefore: 1, expires: 2 })
    const theirs = getSignedCookies({ policy, keyPairId: 'KTEST', privateKey, algorithm })
    const ours = await createPolicySigner(key).sign(policy)
    expect({
      'CloudFront-Policy': ours.policy,
      'CloudFront-Signature': ours.signature,
      'CloudFront-Key-Pair-Id': ours.keyPairId,
      ...(ours.hashAlgorithm && { 'CloudFront-Hash-Algorithm': ours.hashAlgorithm }),
    }).toEqual(theirs)
  })

  test('signs with P-256 and SHA-256 so that the public key verifies it', async () => {
    const signed = await createPolicySigner(ec).sign(vectorPolicy)
    expect(signed.hashAlgorithm).toBe('SHA256')
    const request = { ...signed, policyJson: vectorPolicy, hashAlgorithm: 'SHA256' as const }
    expect(verifySignature(request, new Map([['KTEST', ec.publicKey]]))).toBe('valid')
  })

  test('refuses a key that does not fit its algorithm, elliptic curve with SHA-1 before all', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    expect(() => createPolicySigner({ ...ec, algorithm: 'RS1' })).toThrow(keysInvalid)
    expect(() => createPolicySigner({ ...ec, algorithm: 'RS256' })).toThrow(keysInvalid)
    expect(() => createPolicySigner({ ...rsa, algorithm: 'ES256' })).toThrow(keysInvalid)
    expect(() => createPolicySigner({ ...rsa, privateKey: ec.privateKey })).toThrow(keysInvalid)
    expect(() => createPolicySigner({ ...ec, privateKey, publicKey })).toThrow(keysInvalid)
  })

  test.each(['', '{}', 'https://cdn.example.com/*', '{"Statement":[]}'])('does not sign %j', async (text) => {
    for (const signer of [createPolicySigner(ec), createPolicySigner(kmsKey('ES256'), kmsSign)]) {
      await expect(signer.sign(text)).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
    }
  })

  // AWS's signer makes a canned policy of a URL and a date. Neither can be passed here; this must stay an error of types.
  test('has no way to a canned policy', async () => {
    const signer = createPolicySigner(ec)
    // @ts-expect-error a URL with a date is not a policy
    await expect(signer.sign({ url: 'https://h/*', dateLessThan: 1 })).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
    // @ts-expect-error there is no elliptic curve with SHA-1
    expect(() => createPolicySigner({ ...ec, algorithm: 'ES1' })).toThrow(keysInvalid)
  })
})

/** KMS as its API describes it: it holds the key, hashes the message itself and returns DER for ECDSA. */
const kmsSign: KmsSign = async (keyId, algorithm, message) => {
  const key = { 'arn:ES256': ec, 'arn:RS256': rsa }[keyId]
  if (key === undefined) throw new Error('NotFoundException')
  const fits = algorithm === (key === ec ? 'ECDSA_SHA_256' : 'RSASSA_PKCS1_V1_5_SHA_256')
  if (!fits) throw new Error('InvalidKeyUsageException')
  return sign('sha256', message, key.privateKey as NonNullable<typeof key.privateKey>)
}

function kmsKey(algorithm: SigningKey['algorithm'], kmsKeyId = `arn:${algorithm}`): SigningKey {
  return { ...(algorithm === 'ES256' ? ec : rsa), algorithm, privateKey: undefined, kmsKeyId }
}

describe('with a KMS key', () => {
  test('gives the same bytes as with a private key', async () => {
    const signed = await createPolicySigner(kmsKey('RS256'), kmsSign).sign(vectorPolicy)
    expect(signed).toEqual(await createPolicySigner(rsa).sign(vectorPolicy))
  })

  test('signs with P-256', async () => {
    const signed = await createPolicySigner(kmsKey('ES256'), kmsSign).sign(vectorPolicy)
    const request = { ...signed, policyJson: vectorPolicy, hashAlgorithm: 'SHA256' as const }
    expect(verifySignature(request, new Map([['KTEST', ec.publicKey]]))).toBe('valid')
  })

  test('says when KMS fails', async () => {
    await expect(createPolicySigner(kmsKey('ES256', 'arn:gone'), kmsSign).sign(vectorPolicy)).rejects.toMatchObject({
      name: 'ServiceError',
      code: 'ERR_KEYS_UNAVAILABLE',
    })
  })

  test('refuses SHA-1 and a missing KMS', () => {
    expect(() => createPolicySigner(kmsKey('RS1'), kmsSign)).toThrow(keysInvalid)
    expect(() => createPolicySigner(kmsKey('ES256'))).toThrow(keysInvalid)
    expect(() => createPolicySigner({ ...kmsKey('ES256'), publicKey: rsa.publicKey }, kmsSign)).toThrow(keysInvalid)
  })
})

describe('what the signer takes for a policy', () => {
  const conditions = { expires: 1_767_229_200, notBefore: 1_767_225_540, ipAddress: '192.0.2.1' }

  test.each(['https://h/a', 'https://h/a?b=c&d=%5C', 'https://h/\u00e9 \u2028', '*', "https://h/!$'()*+,;=:@[]^`{|}~"])(
    'is all that the writer writes, for %j',
    (resource) => {
      for (const left of [{}, { notBefore: undefined }, { ipAddress: undefined }]) {
        const policy = resourcePolicy(resource, { ...conditions, ...left })
        expect(isPolicy(policy)).toBe(true)
        expect(parsePolicy(policy)?.resource).toBe(resource)
      }
    },
  )

  test.each(['https://h/a?b="c"', 'https://h/\\', 'https://h/\u0001', 'https://h/a\n', ''])(
    'the writer refuses the Resource %j',
    (resource) =>
      expect(() => resourcePolicy(resource, conditions)).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' })),
  )

  const policy = resourcePolicy('https://h/a', conditions)
  test.each([
    ['white space', policy.replace('{', '{ ')],
    ['two statements', policy.replace(']', `,${policy.slice(14)}`)],
    ['a Resource of nothing', policy.replace('https://h/a', '')],
    ['a Resource that ends early', policy.replace('h/a', 'h/a","Resource":"*')],
    ['no end', policy.replace('"DateLessThan":{"AWS:EpochTime":1767229200},', '')],
    ['a fraction', policy.replace('1767229200', '1767229200.5')],
    ['something behind it', `${policy}\n`],
    ['a block of addresses', policy.replace('/32', '/0')],
  ])('is nothing with %s', (_what, text) => {
    expect(text).not.toBe(policy)
    expect(isPolicy(text)).toBe(false)
  })
})
