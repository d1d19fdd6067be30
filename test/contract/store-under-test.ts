import { createHash, randomBytes } from 'node:crypto'
import type { AssetStore, UploadRequest } from '../../shared/assets/asset-store.ts'
import { parseObjectKey } from '../../shared/assets/object-key.ts'
import type { Upload } from '../../shared/assets/upload.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { ownerOf } from '../../shared/uploads/upload-token.ts'

/** A store under test, empty. */
export interface StoreUnderTest {
  readonly store: AssetStore
  /** Sends bytes as a client would; the status of the last answer. */
  deliver(request: UploadRequest, body: Uint8Array): Promise<number>
  stop(): Promise<void>
}

/** Epoch seconds. */
export const now = () => Math.floor(Date.now() / 1000)

/** An upload as the API would have allowed it. */
export function uploadOf(key: string, body: Uint8Array, changes: Partial<Upload> = {}): Upload {
  return {
    id: randomBytes(16).toString('base64url'),
    protocol: 'put',
    owner: ownerOf('alice'),
    key: parseObjectKey(key),
    size: body.length,
    contentType: 'text/plain',
    checksum: { algorithm: 'SHA256', value: createHash('sha256').update(body).digest('base64') },
    overwrite: false,
    issuedAt: now(),
    expiresAt: now() + 600,
    maxBytes: 100 * 1024 ** 2,
    depth: 2,
    storeId: undefined,
    ...changes,
  }
}

/** The code of what a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'resolved'> {
  return promise.then(
    () => 'resolved' as const,
    (error: { code?: ErrorCode }) => {
      if (error.code === undefined) throw error
      return error.code
    },
  )
}

/** The store, with something done before each of its calls. */
export function watchSteps(store: AssetStore, before: () => Promise<void>): AssetStore {
  return new Proxy(store, {
    get(target, name) {
      const value = target[name as keyof AssetStore]
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        await before()
        return (value as (...args: unknown[]) => unknown)(...args)
      }
    },
  })
}
