import { describe, expect, it } from 'vitest'
import { publishEvent } from '../../../../functions/publish/create-handler.ts'
import type { AssetStore } from '../../../../shared/assets/asset-store.ts'
import { AssetError, ServiceError } from '../../../../shared/errors.ts'

const cdn = { invalidate: async () => {} }
const id = 'Abc-_'.padEnd(22, '0')
const event = (key: string) => ({ detail: { object: { key } } })
/** Whatever is done first with an incoming file fails so. */
const failing = (error: Error) => ({ incoming: () => Promise.reject(error) }) as unknown as AssetStore
const publish = (store: AssetStore, key: string, keyPrefix = '') =>
  publishEvent(event(key), keyPrefix, { store, cdn, quotaBytes: null, isRevoked: async () => false })

describe('an Object Created event', () => {
  it('that is not exactly an upload’s is left alone', async () => {
    const store = failing(new Error('must not be asked'))
    for (const key of [
      'users/alice/x',
      `_incoming/${id}/x`,
      `_incoming/${id}x`,
      '_incoming/',
      `x_incoming/${id}`,
      `p/_incoming/${id}`,
    ]) {
      expect(await publish(store, key)).toBe('not-an-upload')
    }
    expect(await publish(store, `_incoming/${id}`, 'p/')).toBe('not-an-upload')
  })

  it('whose upload is refused is over; an outage is thrown, so that it comes again', async () => {
    expect(await publish(failing(new AssetError('ERR_QUOTA')), `_incoming/${id}`)).toBe('ERR_QUOTA')
    const outage = publish(failing(new ServiceError('ERR_STORE_UNAVAILABLE')), `p/_incoming/${id}`, 'p/')
    await expect(outage).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })
})
