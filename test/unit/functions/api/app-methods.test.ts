import { expect, it } from 'vitest'
import type { AssetStore } from '../../../../shared/assets/asset-store.ts'
import { appOrigin, createTestApi } from '../../../support/api.ts'

const store = { maxKeyLength: 1024, singleProtocol: 'put', multipart: undefined } as unknown as AssetStore
const api = createTestApi(store)

it.each([
  ['PUT', '/api/uploads', 'POST, OPTIONS'],
  ['GET', '/api/uploads', 'POST, OPTIONS'],
  ['PATCH', '/api/uploads/x/parts', 'GET, HEAD, POST, OPTIONS'],
  ['GET', '/api/uploads/x/complete', 'POST, OPTIONS'],
  ['PUT', '/api/uploads/x', 'DELETE, OPTIONS'],
  ['DELETE', '/api/downloads', 'POST, OPTIONS'],
  ['PUT', '/api/assets', 'GET, HEAD, OPTIONS'],
  ['PUT', '/api/assets/users/alice/a%20b', 'GET, HEAD, DELETE, OPTIONS'],
  ['PUT', '/api/s3/multipart/x/7', 'GET, HEAD, OPTIONS'],
  ['DELETE', '/api/health', 'GET, HEAD, OPTIONS'],
  ['PUT', '/api/openapi.json', 'GET, HEAD, OPTIONS'],
])('answers %s %s with 405 and Allow: %s', async (method, path, allow) => {
  const answer = await api.call(path, { method, headers: { origin: appOrigin } })
  expect(answer).toMatchObject({ status: 405, body: { code: 'ERR_METHOD_NOT_ALLOWED', status: 405 } })
  expect(answer.headers.get('allow')).toBe(allow)
  expect(answer.headers.get('access-control-allow-origin')).toBe(appOrigin)
})

it('answers 404 for a path that no method has', async () => {
  for (const path of ['/api', '/api/nothing', '/api/uploads/x/other', '/api/s3', '/api/downloads/x']) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await api.call(path, { method })
      expect(answer).toMatchObject({ status: 404, body: { code: 'ERR_NOT_FOUND' } })
      expect(answer.headers.get('allow')).toBeNull()
    }
  }
})

it('tells a stranger neither: 401 comes first on everything that needs a session', async () => {
  for (const path of ['/api/uploads', '/api/uploads/x/other', '/api/assets/a/b', '/api/s3/nothing', '/api/downloads']) {
    const answer = await api.call(path, { method: 'PUT', as: null, headers: { origin: appOrigin } })
    expect(answer).toMatchObject({ status: 401, body: { code: 'ERR_SESSION_MISSING' } })
    expect(answer.headers.get('allow')).toBeNull()
  }
})
