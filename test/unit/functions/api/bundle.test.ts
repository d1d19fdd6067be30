/** The API as it is deployed: the bundle, with events of an HTTP API. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildFunctions } from '../../../../infra/build/index.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import config from '../../fixtures/edge-signer.config.ts'

interface Answer {
  readonly statusCode: number
  readonly body: string
  readonly headers: Record<string, string>
}

let folder: string
let handler: (event: object, context: object) => Promise<Answer>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edge-signer-api-'))
  await buildFunctions(parseDeployment(config, 'prod'), folder)
  Object.assign(process.env, { BUCKET: 'assets', CDN_HOST: 'cdn.example.com', AWS_REGION: 'us-east-1' })
  handler = createRequire(import.meta.url)(join(folder, 'api/index.cjs')).handler
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** As API Gateway makes it: `rawPath` decoded, cookies apart. */
const call = (method: string, rawPath: string, headers: Record<string, string> = {}, body?: string) =>
  handler(
    {
      version: '2.0',
      routeKey: 'ANY /api/{proxy+}',
      rawPath,
      rawQueryString: '',
      headers: { host: 'abc.execute-api.us-east-1.amazonaws.com', ...headers },
      requestContext: {
        http: { method, path: rawPath },
        domainName: 'abc.execute-api.us-east-1.amazonaws.com',
        stage: '$default',
      },
      isBase64Encoded: false,
      body,
    },
    {},
  )

it('answers', async () => {
  expect(await call('GET', '/api/health')).toMatchObject({ statusCode: 200, body: '{"status":"ok"}' })
})

it('makes its OpenAPI document from the schemas in the bundle', async () => {
  const { statusCode, body } = await call('GET', '/api/openapi.json')
  expect(statusCode).toBe(200)
  expect(JSON.parse(body).paths['/api/uploads'].post.requestBody.content['application/json'].schema).toBeDefined()
})

it('takes a decoded path for what the client encoded', async () => {
  // Unencoded, `#` and `?` would end the path, and these would be /api/health.
  for (const path of ['/api/health#x', '/api/health?x', '/api/health%']) {
    const { statusCode, body } = await call('GET', path)
    expect([statusCode, JSON.parse(body).code]).toEqual([404, 'ERR_NOT_FOUND'])
  }
})

it.each(['GET', 'HEAD'])('answers a %s with a body as one without', async (method) => {
  const { statusCode } = await call(method, '/api/health', { 'content-type': 'application/json' }, '{}')
  expect(statusCode).toBe(200)
})

it('refuses a cookie-authenticated change without an origin', async () => {
  const headers = { 'content-type': 'application/json', cookie: '__Host-session=x' }
  const { statusCode, body } = await call('POST', '/api/downloads', headers, '{}')
  expect([statusCode, JSON.parse(body).code]).toEqual([400, 'ERR_ORIGIN_REQUIRED'])
})
