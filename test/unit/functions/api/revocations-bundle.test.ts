/** Revocations by the API as it is deployed: the bundle, its clients and their signatures, over AWS as the emulation plays it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Build, buildFunctions } from '../../../../infra/build/index.ts'
import { createLocalRevocations } from '../../../../local/state/revocation-stores.ts'
import { prepareState, readKeyDocument, type StateFiles } from '../../../../local/state/state-files.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import { stampKeyName } from '../../../../shared/revocation/key-value.ts'
import { syncRevocations } from '../../../../shared/revocation/revoke.ts'
import { interceptAws } from '../../../support/aws/intercept.ts'
import { keyValueStoreArn } from '../../../support/aws/key-value-store.ts'
import { createSessionMaker } from '../../../support/session-maker.ts'
import config from '../../fixtures/edge-signer.config.ts'

const folder = mkdtempSync(join(tmpdir(), 'edge-signer-revocations-'))
const content = join(folder, 'content')
const deployment = parseDeployment(config, 'local')
let built: Build
let state: StateFiles
let handler: (event: object, context: object) => Promise<{ statusCode: number; body: string }>

beforeAll(async () => {
  built = await buildFunctions(deployment, folder)
  mkdirSync(content)
  state = prepareState(join(folder, 'state'), 'ES256', Math.floor(Date.now() / 1000))
  const aws = {
    secretId: 'edge-signer/local/keys',
    secretFile: state.secret,
    bucket: 'assets',
    bucketRegion: 'us-east-1',
    content,
  }
  const now = Math.floor(Date.now() / 1000)
  await syncRevocations(createLocalRevocations({ content, state, propagationDelay: 0 }), { now })
  interceptAws(aws, { content, state, propagationDelay: 0 }, join(folder, 'aws.sock'))
  Object.assign(process.env, { BUCKET: 'assets', CDN_HOST: 'cdn.test', KEY_VALUE_STORE_ARN: keyValueStoreArn })
  handler = createRequire(import.meta.url)(join(folder, 'api/index.cjs')).handler
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function call(method: string, path = '', json?: object) {
  const { sessionSecret: secret = '' } = readKeyDocument(state)
  const sessions = createSessionMaker({ secret, issuer: 'edge-signer-local', audience: 'edge-signer' })
  const rawPath = `/api/admin/revocations${path}`
  const { statusCode, body } = await handler(
    {
      version: '2.0',
      routeKey: 'ANY /api/{proxy+}',
      rawPath,
      rawQueryString: '',
      headers: {
        authorization: `Bearer ${sessions.session('root', { scope: 'edge-signer:admin' })}`,
        'content-type': 'application/json',
      },
      requestContext: { http: { method, path: rawPath }, domainName: 'api.test', stage: '$default' },
      isBase64Encoded: false,
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    },
    {},
  )
  return { status: statusCode, body: JSON.parse(body) }
}

it('writes state object and KeyValueStore with the signatures that each takes, and takes them back', async () => {
  const stores = createLocalRevocations({ content, state, propagationDelay: 0 })
  const added = await call('POST', '', { prefix: '/users/alice/' })
  expect(added).toMatchObject({ status: 201, body: { prefix: '/users/alice/' } })
  // A second one is written on top of the version that the first has made.
  expect((await call('POST', '', { prefix: '/users/bob/' })).status).toBe(201)
  const keys = async () => [...(await stores.keyValues.list()).entries.keys()].sort()
  expect(await keys()).toEqual(['revoked/users/alice/', 'revoked/users/bob/', stampKeyName])
  expect((await call('GET')).body.revocations).toHaveLength(2)
  expect((await call('DELETE', `/${added.body.id}`)).status).toBe(200)
  expect(await keys()).toEqual(['revoked/users/bob/', stampKeyName])
  expect((await stores.state.load())?.json).not.toContain('alice')
})

it('loads the KeyValueStore’s client for an administrator only: no cold start pays for it', () => {
  const { inputs } = built.metafiles.api
  const importers = (name: RegExp) =>
    Object.entries(inputs).flatMap(([file, { imports }]) =>
      imports.filter(({ path }) => name.test(path)).map(({ kind }) => `${file}: ${kind}`),
    )
  expect(importers(/aws\/sdk\/cloudfront-key-values\.ts$/)).toEqual(['functions/api/aws-services.ts: dynamic-import'])
  const within = /^(shared\/aws\/sdk\/cloudfront-key-values\.ts|node_modules\/)/
  const clients = importers(/node_modules\/@aws-sdk\/(client-cloudfront-keyvaluestore|signature-v4a)\//)
  expect(clients.length).toBeGreaterThan(0)
  expect(clients.filter((line) => !within.test(line))).toEqual([])
})
