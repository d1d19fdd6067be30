import { createPrivateKey, createPublicKey } from 'node:crypto'
import { getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { describe, expect, test } from 'vitest'
import { customPolicy, resourcePolicy } from '../../../../shared/cloudfront/policy.ts'
import { checkPolicy, readSignedRequest } from '../../../../shared/cloudfront/signed-request.ts'
import { signFolder, signUrl } from '../../../../shared/cloudfront/signed-url.ts'
import { createPolicySigner } from '../../../../shared/cloudfront/signer.ts'
import { verifySignature } from '../../../../shared/cloudfront/verify.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import type { KeyAlgorithm } from '../../../../shared/keys/key-algorithm.ts'
import { ecPrivatePem, rsaPrivatePem } from '../../fixtures/key-pairs.ts'

function signerOf(algorithm: KeyAlgorithm) {
  const privateKey = createPrivateKey(algorithm === 'ES256' ? ecPrivatePem : rsaPrivatePem)
  const publicKey = createPublicKey(privateKey)
  const key = { keyPairId: 'KTEST', algorithm, privateKey, kmsKeyId: undefined, publicKey, notBefore: 0 }
  return { signer: createPolicySigner(key), keys: new Map([['KTEST', publicKey]]) }
}

/** CloudFront's checks of a request by signed URL: signature, then policy. */
function verdict(signedUrl: string, keys: ReturnType<typeof signerOf>['keys'], now = 50): string | undefined {
  const [url = '', querystring = ''] = signedUrl.split(/\?(.*)/s)
  const read = readSignedRequest({ url, querystring, cookieHeader: '' }, 'refuse')
  if ('refusal' in read) return read.refusal
  const signature = verifySignature(read, keys)
  return signature === 'valid' ? checkPolicy(read.policy, { url: read.url, now, clientIp: '192.0.2.1' }) : signature
}

describe('signUrl', () => {
  test.each(['RS256', 'RS1'] as const)("gives what AWS's signer gives with %s", async (algorithm) => {
    const { signer } = signerOf(algorithm)
    const url = 'https://cdn.example.com/users/alice/a%20b.raw?v=1'
    const conditions = { expires: 100, notBefore: 10, ipAddress: '192.0.2.1' }
    const theirs = getSignedUrl({
      url,
      policy: resourcePolicy(url, conditions),
      keyPairId: 'KTEST',
      privateKey: rsaPrivatePem,
      algorithm: algorithm === 'RS1' ? 'SHA1' : 'SHA256',
    })
    expect(await signUrl(url, conditions, signer)).toBe(theirs)
  })

  test.each(['ES256', 'RS256', 'RS1'] as const)('signs one file and its query with %s', async (algorithm) => {
    const { signer, keys } = signerOf(algorithm)
    const url = 'https://cdn.example.com/users/alice/a%2Ab.raw?response-content-disposition=attachment%3B%20x'
    const signed = await signUrl(url, { expires: 100, notBefore: 10 }, signer)
    expect(signed.startsWith(`${url}&Policy=`)).toBe(true)
    expect(verdict(signed, keys)).toBeUndefined()
    expect(verdict(signed, keys, 100)).toBe('expired')
    expect(verdict(signed.replace('a%2Ab', 'c'), keys)).toBe('resource')
    expect(verdict(signed.replace('attachment', 'inline'), keys)).toBe('resource')
    expect(verdict(`${signed}&more=1`, keys)).toBe('resource')
  })

  test.each([
    'https://cdn.example.com/users/*',
    'https://cdn.example.com/a?b=*',
    'https://*.example.com/a',
    'http://cdn.example.com/a',
    'https://cdn.example.com',
    'https://cdn.example.com/a#b',
    'https://cdn.example.com/a b',
    'https://cdn.example.com/é',
    'https://cdn.example.com/a\\b',
    'https://cdn.example.com/a"b',
    'https://cdn.example.com/a\n',
    'https://cdn.example.com/a?Policy=x',
    'https://cdn.example.com/a?x=1&Expires=1',
    '/a',
    '',
  ])('refuses %j', async (url) => {
    await expect(signUrl(url, { expires: 100 }, signerOf('ES256').signer)).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
    })
  })
})

describe('signFolder', () => {
  const folder = { host: 'cdn.example.com', prefix: parseResourcePrefix('/users/alice/'), notBefore: 10, expires: 100 }

  test('opens every file below the prefix and no other', async () => {
    const { signer, keys } = signerOf('ES256')
    const { baseUrl, querystring } = await signFolder(folder, signer)
    expect(baseUrl).toBe('https://cdn.example.com/users/alice/')
    expect(verdict(`${baseUrl}images/a.raw?${querystring}`, keys)).toBeUndefined()
    expect(verdict(`${baseUrl}a?x=1&${querystring}`, keys)).toBeUndefined()
    expect(verdict(`https://cdn.example.com/users/alice2/a?${querystring}`, keys)).toBe('resource')
    expect(verdict(`https://other.example.com/users/alice/a?${querystring}`, keys)).toBe('resource')
  })

  test("gives the query of AWS's signer for the same policy", async () => {
    const theirs = getSignedUrl({
      url: 'https://cdn.example.com/users/alice/a',
      policy: customPolicy(folder),
      keyPairId: 'KTEST',
      privateKey: rsaPrivatePem,
      algorithm: 'SHA256',
    })
    const { baseUrl, querystring } = await signFolder(folder, signerOf('RS256').signer)
    expect(`${baseUrl}a?${querystring}`).toBe(theirs)
  })
})
