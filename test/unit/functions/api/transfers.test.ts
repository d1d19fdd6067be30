/** Copies, moves and deletions over a store that answers what the test says. */
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

  it.each([
    ['deleted the file', true, undefined],
    ['finds nothing, because an earlier try ended after the deletion', false, 'ERR_ASSET_NOT_FOUND'],
    ['gives no answer', new ServiceError('ERR_STORE_UNAVAILABLE'), 'ERR_STORE_UNAVAILABLE'],
  ] as const)('forgets a path whose deletion %s', async (_what, result, code) => {
    const remove: AssetStore['delete'] = async () => {
      if (typeof result !== 'boolean') throw result
      return result
    }
    const api = createTestApi({ maxKeyLength: 1024, delete: remove } as Partial<AssetStore> as AssetStore)
    const answer = await api.call(`/api/assets/${from}`, { method: 'DELETE' })
    expect(answer.body.code).toBe(code)
    expect(api.invalidated).toEqual([`/${from}`])
  })
})
