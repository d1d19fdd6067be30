/** Presigning the parts of one multipart upload, a thousand in one call, against the SDK's presigner with one shared client. */
import { S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { presignParts } from '../../shared/assets/s3/presign.ts'
import { type Comparison, median } from './comparison.ts'

const now = Math.floor(Date.now() / 1000)
const numbers = Array.from({ length: 1000 }, (_, index) => index + 1)
const ours = 'Edge Signer'
const peer = '@aws-sdk/s3-request-presigner, one client'
const bucket = 'assets'
const name = 'users/alice/big disk.img'
const storeId = 'x'.repeat(120)
const length = 8 * 1024 ** 2

export const comparisons: readonly Comparison[] = [
  {
    name: 'presigning 1,000 parts in one call',
    unit: 'URLs/s',
    variants: {
      [ours]: async () => {
        const location = { client: client(), bucket, keyPrefix: '', conditionalCopy: 'native' as const }
        const parts = numbers.map((number) => ({ number, length }))
        return urlsPerSecond(() => presignParts(location, { name, storeId }, parts, now + 3600, now))
      },
      [peer]: async () => {
        const shared = client()
        return urlsPerSecond(() =>
          Promise.all(
            numbers.map((PartNumber) => {
              const part = { Bucket: bucket, Key: name, UploadId: storeId, PartNumber, ContentLength: length }
              return getSignedUrl(shared, new UploadPartCommand(part), { expiresIn: 3600 })
            }),
          ),
        )
      },
    },
    ratios: [{ of: ours, against: peer, atLeast: 1 }],
  },
]

function client(): S3Client {
  const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' }
  return new S3Client({ ...s3ClientDefaults, region: 'eu-west-1', credentials })
}

/** The median of five calls, after one to warm up. */
async function urlsPerSecond(call: () => Promise<readonly string[]>): Promise<number> {
  await call()
  const rates: number[] = []
  for (let i = 0; i < 5; i++) {
    const begun = performance.now()
    await call()
    rates.push((numbers.length * 1000) / (performance.now() - begun))
  }
  return median(rates)
}
