import { describe, expect, it } from 'vitest'
import type { AssetStore } from '../../../../shared/assets/asset-store.ts'
import { assetProblems } from '../../../../shared/errors.ts'
import { createTestApi } from '../../../support/api.ts'
import { codesIn, type Operation, operationsOf } from '../../../support/documented-answers.ts'

/** That answers are as documented is checked of each one that a test asks for, by `createTestApi`. */
const store = { maxKeyLength: 1024, singleProtocol: 'put', multipart: undefined } as unknown as AssetStore
const api = createTestApi(store)
const operations = async () => operationsOf((await api.call('/api/openapi.json', { as: null })).body)
const codesOf = ({ responses }: Operation['operation']) =>
  Object.values(responses ?? {}).flatMap((response) => ('description' in response ? codesIn(response.description) : []))

describe('the OpenAPI document', () => {
  it('is 3.1, and every reference in it resolves', async () => {
    const { body } = await api.call('/api/openapi.json', { as: null })
    expect(body.openapi).toMatch(/^3\.1/)
    for (const reference of JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      expect(body.components.schemas).toHaveProperty([reference[1] ?? ''])
    }
  })

  it('describes every route, with the schemas that check the requests', async () => {
    const routes = (await operations()).map(({ method, path }) => `${method} ${path}`)
    expect(routes.sort()).toEqual(
      [
        'get /api/health',
        'get /api/health/ready',
        'get /api/me',
        'post /api/uploads',
        'post /api/uploads/{uploadId}/parts',
        'get /api/uploads/{uploadId}/parts',
        'post /api/uploads/{uploadId}/complete',
        'post /api/uploads/{uploadId}/confirm',
        'delete /api/uploads/{uploadId}',
        'post /api/downloads',
        'get /api/assets',
        'get /api/assets/{key}',
        'delete /api/assets/{key}',
        'post /api/assets/copy',
        'post /api/assets/move',
        'get /api/s3/params',
        'post /api/s3/multipart',
        'get /api/s3/multipart/{uploadId}/batch',
        'get /api/s3/multipart/{uploadId}/{partNumber}',
        'get /api/s3/multipart/{uploadId}',
        'post /api/s3/multipart/{uploadId}/complete',
        'delete /api/s3/multipart/{uploadId}',
        'get /api/admin/revocations',
        'post /api/admin/revocations',
        'delete /api/admin/revocations/{id}',
      ].sort(),
    )
  })

  it('is readable without a script', async () => {
    const { body, headers } = await api.call('/api/docs', { as: null })
    expect(headers.get('content-type')).toContain('text/html')
    expect(body).not.toMatch(/<script|src=/)
    expect(body).toContain('/api/uploads/{uploadId}/confirm')
    expect(body).toContain('ERR_ASSET_EXISTS')
    expect(body).toContain('contentType?: string')
  })

  it('names the session cookie as the stage does', async () => {
    const session = { cookieName: '__Host-app', algorithms: ['HS256' as const], issuer: null, audience: null }
    const named = createTestApi(store, { config: { session } })
    const { body } = await named.call('/api/openapi.json', { as: null })
    expect(body.components.securitySchemes.session).toEqual({ type: 'apiKey', in: 'cookie', name: '__Host-app' })
  })

  it('says of each operation what success is, and which problems its session and its method bring', async () => {
    const all = await operations()
    for (const { method, path, operation } of all) {
      const statuses = Object.keys(operation.responses ?? {})
      expect(
        statuses.filter((status) => status < '300'),
        path,
      ).toHaveLength(1)
      const codes = codesOf(operation)
      expect(codes, path).toEqual(expect.arrayContaining(['ERR_REQUEST_INVALID', 'ERR_INTERNAL']))
      const isOpen = path.startsWith('/api/health')
      for (const code of ['ERR_SESSION_MISSING', 'ERR_SESSION_DUPLICATE', 'ERR_GRANT_CLAIM', 'ERR_JWKS_UNAVAILABLE']) {
        expect(codes.includes(code), `${path} ${code}`).toBe(!isOpen)
      }
      expect(codes.includes('ERR_ORIGIN_REQUIRED'), `${method} ${path}`).toBe(method !== 'get')
      expect(codes.includes('ERR_BODY_TOO_LARGE'), `${method} ${path}`).toBe(method !== 'get')
      expect(codes.includes('ERR_MEDIA_TYPE'), `${method} ${path}`).toBe(method === 'post')
    }
  })

  it('mentions every code of assets and uploads, but for those of the upload server and of links', async () => {
    const elsewhere = [
      ...['ERR_UPLOAD_PAUSED', 'ERR_UPLOAD_OFFSET', 'ERR_TUS_VERSION'],
      ...['ERR_LINK_INVALID', 'ERR_LINK_EXPIRED'],
    ]
    const mentioned = new Set((await operations()).flatMap(({ operation }) => codesOf(operation)))
    const missing = Object.keys(assetProblems).filter((code) => !mentioned.has(code))
    expect(missing.sort()).toEqual(elsewhere.sort())
  })

  it('lists the metadata that Uppy may send', async () => {
    const params = (await operations()).find(({ path }) => path === '/api/s3/params')?.operation
    const names = (params?.parameters ?? []).map((parameter) => 'name' in parameter && parameter.name)
    expect(names).toEqual(['filename', 'type', 'metadata[key]', 'metadata[visibility]'])
  })
})
