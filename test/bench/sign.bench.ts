/** Signing one custom policy: this project's signer, AWS's signer given the PEM as its documentation does, bare `crypto.sign`. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { getSignedCookies } from '@aws-sdk/cloudfront-signer'
import { customPolicy } from '../../shared/cloudfront/policy.ts'
import { createPolicySigner } from '../../shared/cloudfront/signer.ts'
import { parseResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { type Comparison, callsPerSecond } from './comparison.ts'
import { benchKey } from './keys.ts'

const policy = customPolicy({
  host: 'cdn.example.com',
  prefix: parseResourcePrefix('/users/alice/'),
  notBefore: 1_800_000_000,
  expires: 1_800_003_600,
})

export const comparisons: readonly Comparison[] = [minting('ES256', 10), minting('RS256', 3)]

function minting(algorithm: 'ES256' | 'RS256', atLeast: number): Comparison {
  const ours = `Edge Signer, ${algorithm}`
  const aws = '@aws-sdk/cloudfront-signer, PEM'
  const floor = 'crypto.sign, cached key'
  return {
    name: `signing a policy, ${algorithm}`,
    unit: 'signatures/s',
    variants: {
      [ours]: async () => {
        const key = loaded(algorithm)
        const signer = createPolicySigner({ ...key, keyPairId: 'K1', algorithm, kmsKeyId: undefined, notBefore: 0 })
        return callsPerSecond(() => signer.sign(policy))
      },
      [aws]: async () => {
        const privateKey = benchKey(algorithm)
        return callsPerSecond(() => getSignedCookies({ policy, keyPairId: 'K1', privateKey, algorithm: 'SHA256' }))
      },
      [floor]: async () => {
        const { privateKey } = loaded(algorithm)
        const bytes = Buffer.from(policy)
        return callsPerSecond(() => sign('sha256', bytes, privateKey))
      },
    },
    ratios: [
      { of: ours, against: aws, atLeast },
      { of: ours, against: floor, atLeast: 0.9 },
    ],
  }
}

function loaded(algorithm: 'ES256' | 'RS256'): { privateKey: KeyObject; publicKey: KeyObject } {
  const pem = benchKey(algorithm)
  return { privateKey: createPrivateKey(pem), publicKey: createPublicKey(pem) }
}
