/** The library for backends: a thousand URLs in one call, and a large file saved in parts, each against the AWS SDK. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { Upload } from '@aws-sdk/lib-storage'
import { keysFromPem, openAssets, signUrls } from '../../package/server.ts'
import { resourcePolicy } from '../../shared/cloudfront/policy.ts'
import { missingS3Server, startS3Server } from '../support/s3-server.ts'
import { type Comparison, median } from './comparison.ts'
import { benchKey } from './keys.ts'

const urls = Array.from({ length: 1000 }, (_, index) => `https://cdn.example.com/users/alice/photos/${index}.jpg`)
const ours = 'Edge Signer'
const aws = 'the AWS SDK'
/** 1,000 signatures by the threads of Node's crypto and nothing else: what no library can be faster than. */
const floor = 'node:crypto alone'
const bounded = 'node:crypto alone, on every core, is below 10 times the AWS SDK: the last row has its ratio'
const gib = 1024 ** 3

const onServer = {
  missing: async () => missingS3Server()[0],
  async prepare() {
    const { endpoint, bucket, region, credentials, stop } = await startS3Server()
    return { env: { BENCH_S3: JSON.stringify({ endpoint, bucket, region, credentials }) }, stop }
  },
}

export const comparisons: readonly Comparison[] = [signing('ES256', 10), signing('RS256', 3), saving(), memory()]

function signing(algorithm: 'ES256' | 'RS256', atLeast: number): Comparison {
  const privateKey = benchKey(algorithm)
  const expires = new Date(Date.now() + 3_600_000)
  const policies = urls.map((url) =>
    Buffer.from(resourcePolicy(url, { expires: Math.round(expires.getTime() / 1000) })),
  )
  return {
    name: `signing 1,000 URLs in one call, ${algorithm}`,
    unit: 'URLs/s',
    variants: {
      [ours]: () => {
        const keys = keysFromPem({ keyPairId: 'K1', privateKey })
        return urlsPerSecond(() => signUrls({ keys, urls, expires }))
      },
      [aws]: () => {
        const common = { keyPairId: 'K1', privateKey, dateLessThan: expires, algorithm: 'SHA256' } as const
        return urlsPerSecond(async () => urls.map((url) => getSignedUrl({ ...common, url })))
      },
      [floor]: () => {
        const key = createPrivateKey(privateKey)
        return urlsPerSecond(() => Promise.all(policies.map((policy) => signed(policy, key))))
      },
    },
    ratios: [
      { of: ours, against: aws, atLeast, ...(algorithm === 'ES256' && { because: bounded }) },
      { of: ours, against: floor, atLeast: 0.5 },
      { of: floor, against: aws },
    ],
  }
}

function signed(policy: Uint8Array, key: KeyObject): Promise<string> {
  return new Promise((resolve, reject) =>
    sign('sha256', policy, key, (error, signature) =>
      error === null ? resolve(signature.toString('base64')) : reject(error),
    ),
  )
}

/** The median of five calls, after one to warm up. */
async function urlsPerSecond(call: () => Promise<readonly string[]>): Promise<number> {
  await call()
  const rates: number[] = []
  for (let i = 0; i < 5; i++) {
    const begun = performance.now()
    await call()
    rates.push((urls.length * 1000) / (performance.now() - begun))
  }
  return median(rates)
}

function saving(): Comparison {
  return {
    name: 'saving a stream of 1 GiB',
    unit: 'MiB/s',
    variants: {
      [ours]: async () => 1024 / (await secondsOf(saveWithLibrary)),
      [aws]: async () => 1024 / (await secondsOf(saveWithSdk)),
    },
    ratios: [{ of: ours, against: aws, atLeast: 0.8 }],
    ...onServer,
  }
}

/** Growth of the resident set from before the first byte to its peak, beside the growth that is allowed. */
function memory(): Comparison {
  return {
    name: 'memory while a stream of 1 GiB is saved',
    unit: 'MB',
    variants: { [ours]: () => growthOf(saveWithLibrary), [aws]: () => growthOf(saveWithSdk), allowed: async () => 100 },
    ratios: [{ of: ours, against: 'allowed', atMost: 1 }],
    ...onServer,
  }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

async function growthOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss()
  let peak = before
  let isDone = false
  const watched = (async () => {
    for (; !isDone; await delay(10)) peak = Math.max(peak, process.memoryUsage.rss())
  })()
  await work()
  isDone = true
  await watched
  return (peak - before) / 1e6
}

async function saveWithLibrary(): Promise<void> {
  const { endpoint, bucket, region, credentials } = server()
  const s3 = { endpoint, credentials, forcePathStyle: true }
  const assets = await openAssets({ backend: 's3', bucket, region, s3 })
  await assets.save(`users/bench/${process.pid}`, oneGib(), { overwrite: true })
  await assets.delete(`users/bench/${process.pid}`)
}

async function saveWithSdk(): Promise<void> {
  const { endpoint, bucket, region, credentials } = server()
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  const params = {
    Bucket: bucket,
    Key: `users/bench/${process.pid}`,
    Body: Readable.from(oneGib(), { objectMode: false }),
  }
  await new Upload({ client, params }).done()
}

/** One piece, again and again: the source costs nothing and holds nothing. */
async function* oneGib(): AsyncIterable<Uint8Array> {
  const piece = Buffer.alloc(1024 ** 2, 'x')
  for (let sent = 0; sent < gib; sent += piece.length) yield piece
}

function server() {
  return JSON.parse(process.env.BENCH_S3 ?? '{}')
}
