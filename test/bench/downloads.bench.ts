/** A thousand download URLs in one call: the API's own step, against AWS's signer given the PEM as its documentation does. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { createCdnUrls } from '../../shared/assets/download-urls.ts'
import { parseObjectKey } from '../../shared/assets/object-key.ts'
import { createPolicySigner } from '../../shared/cloudfront/signer.ts'
import { type Comparison, median } from './comparison.ts'
import { benchKey } from './keys.ts'

const now = 1_800_000_000
const keys = Array.from({ length: 1000 }, (_, index) => parseObjectKey(`users/alice/photos/image ${index}.jpg`))

export const comparisons: readonly Comparison[] = [downloads('ES256', 10), downloads('RS256', 3)]

function downloads(algorithm: 'ES256' | 'RS256', atLeast: number): Comparison {
  const ours = `Edge Signer, ${algorithm}`
  const aws = '@aws-sdk/cloudfront-signer, PEM'
  return {
    name: `1,000 download URLs in one call, ${algorithm}`,
    unit: 'URLs/s',
    variants: {
      [ours]: async () => {
        const privateKey = createPrivateKey(benchKey(algorithm))
        const publicKey = createPublicKey(privateKey)
        const key = { privateKey, publicKey, keyPairId: 'K1', algorithm, kmsKeyId: undefined, notBefore: 0 }
        const signer = createPolicySigner(key)
        const urls = createCdnUrls({
          urls: 'signed',
          cdn: { host: 'cdn.example.com', origin: 'https://cdn.example.com' },
          signer: async () => signer,
          presign: undefined,
          fallbackToS3: false,
          onFallback: () => {},
        })
        const requests = keys.map((key) => ({ key }))
        return urlsPerSecond(() => urls.files(requests, 3600, now))
      },
      [aws]: async () => {
        const privateKey = benchKey(algorithm)
        const dateLessThan = new Date((now + 3600) * 1000)
        return urlsPerSecond(async () =>
          keys.map((key) => {
            const url = `https://cdn.example.com/${key.split('/').map(encodeURIComponent).join('/')}`
            return getSignedUrl({ url, keyPairId: 'K1', privateKey, dateLessThan, algorithm: 'SHA256' })
          }),
        )
      },
    },
    ratios: [{ of: ours, against: aws, atLeast }],
  }
}

/** The median of five calls, after one to warm up. */
async function urlsPerSecond(call: () => Promise<readonly unknown[]>): Promise<number> {
  await call()
  const rates: number[] = []
  for (let i = 0; i < 5; i++) {
    const begun = performance.now()
    const { length } = await call()
    rates.push((length * 1000) / (performance.now() - begun))
  }
  return median(rates)
}
