/** Copies and moves over a store that answers what the test says. */
import { describe, expect, it } from 'vitest'
import type { AssetStore } from '../../../../shared/assets/asset-store.ts'
import { AssetError, type EdgeSignerError, ServiceError } from '../../../../shared/errors.ts'
import { createTestApi } from '../../../support/api.ts'

const from = 'users/alice/from'
const to = 'users/alice/to'

function setUp(failure?: EdgeSignerError) {
  const transfer: AssetStore['move'] = async (_from, key) => {
    if (failure !== undefined) throw failure
    return { key, size: 1, contentType: 'a/b', etag: '"e"', lastModified: 0, checksum: undefined, uploadId: undefined }
  }
  return createTestApi({ maxKeyLength: 1024, copy: transfer, move: transfer } as Partial<AssetStore> as AssetStore)
}

describe('the CDN', () => {
  it.each([
    ['move', true, undefined, [`/${to}`, `/${from}`]],
    ['move', false, undefined, [`/${from}`]],
    ['copy', true, undefined, [`/${to}`]],
    ['copy', false, undefined, []],
    ['move', true, new AssetError('ERR_ASSET_CHANGED'), [`/${to}`]],
    ['move', true, new ServiceError('ERR_STORE_UNAVAILABLE'), [`/${to}`]],
    ['move', true, new AssetError('ERR_ASSET_NOT_FOUND'), []],
    ['move', false, new AssetError('ERR_ASSET_CHANGED'), []],
  ] as const)('after a %s, overwriting %s, that ends with %s forgets %j', async (action, overwrite, failure, paths) => {
    const api = setUp(failure)
    const answer = await api.call(`/api/assets/${action}`, { json: { from, to, overwrite } })
    expect(answer.body.code).toBe(failure?.code)
    expect(api.invalidated).toEqual(paths)
  })
})
