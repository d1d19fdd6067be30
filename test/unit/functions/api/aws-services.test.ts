/** The services as deployed, as far as they can be made without AWS: nothing is fetched, URLs are signed here. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createAwsServices } from '../../../../functions/api/aws-services.ts'
import { apiFunctionConfig } from '../../../../functions/api/config.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../../shared/config/stage-config.ts'

const now = Math.floor(Date.now() / 1000)
const requests = [{ key: parseObjectKey('users/alice/f') }, { key: parseObjectKey('public/logo.png') }]

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAIOSFODNN7EXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example')
})
afterAll(() => vi.unstubAllEnvs())

/** Attached to a distribution of which it was not told the name. */
function attached(downloads: StageConfigInput['downloads'] = {}) {
  const config = {
    session: { algorithms: ['HS256' as const], issuer: null, audience: null },
    grants: ['/users/{sub}/*'],
    attach: true,
    downloads,
  }
  const deployment = parseDeployment({ service: 'svc', defaults: {}, stages: { test: {} } }, 'test', config)
  return createAwsServices(apiFunctionConfig(deployment), { BUCKET: 'assets' })
}

it('without the name of the CDN leave the URLs to S3, where the stage has it make them', async () => {
  const urls = await attached({ urls: 'presigned' }).downloads.files(requests, 60, now)
  expect(urls.map(({ url }) => new URL(url).host)).toEqual(Array(2).fill('assets.s3.us-east-1.amazonaws.com'))
})

it('without the name of the CDN make no URL of it', async () => {
  for (const request of requests) {
    await expect(attached().downloads.files([request], 60, now)).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  }
})

it('without the name of the CDN take no origin for its own', () => {
  const { readers } = attached()
  for (const origin of ['https://undefined', 'https://', '']) expect(readers.isAllowed(origin)).toBe(false)
})
