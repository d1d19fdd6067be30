import { type Context, Hono } from 'hono'
import {
  type Actor,
  requireFolder,
  requireRead,
  requireWithinLimits,
  requireWrite,
} from '../../../shared/assets/access.ts'
import { isResultOf, type TransferKind } from '../../../shared/assets/asset-origin.ts'
import type { AssetStore } from '../../../shared/assets/asset-store.ts'
import { keyPath, type ObjectKey, parseKeyPrefix, parseObjectKey } from '../../../shared/assets/object-key.ts'
import { AssetError } from '../../../shared/errors.ts'
import { objectKeyPrefix } from '../../../shared/grant/resource-prefix.ts'
import { quotaPrefix, requireQuota } from '../../../shared/uploads/quota.ts'
import type { ApiEnv } from '../actor.ts'
import { documented, input } from '../openapi.ts'
import * as schemas from '../schemas.ts'
import type { ApiServices } from '../services.ts'

/** `/api/assets`: list, describe, delete, copy, move. */
export function assetRoutes(services: ApiServices): Hono<ApiEnv> {
  const { store, cdn, config } = services
  const { publicScope, quotaBytes } = config.uploads
  const app = new Hono<ApiEnv>()

  app.get(
    '/',
    documented('GET', {
      tag: 'Assets',
      summary: 'List assets below a prefix',
      description:
        'In pages, in the order of the keys’ bytes. Without `prefix`, what the session’s first grant covers.',
      answer: { description: 'One page; `cursor` leads to the next', schema: schemas.assetPage },
      codes: ['ERR_KEY_INVALID', 'ERR_KEY_RESERVED', 'ERR_ASSET_NOT_FOUND', 'ERR_SCOPE', 'ERR_CURSOR'],
    }),
    input('query', schemas.listQuery),
    async (context) => {
      const { prefix, limit, cursor } = context.req.valid('query')
      const below = parseKeyPrefix(prefix ?? firstPrefix(context.var.actor), store.maxKeyLength)
      requireFolder(context.var.actor, below, publicScope)
      const page = await store.list(below, limit, cursor)
      const next = page.cursor === undefined ? {} : { cursor: page.cursor }
      return context.json({ assets: page.assets.map(schemas.assetOutput), ...next })
    },
  )

  app.get(
    '/:key{.+}',
    documented('GET', {
      tag: 'Assets',
      summary: 'Describe an asset',
      description: 'The key follows as a path, each segment percent-encoded.',
      answer: { description: 'The asset', schema: schemas.asset },
      codes: ['ERR_KEY_INVALID', 'ERR_KEY_RESERVED', 'ERR_ASSET_NOT_FOUND'],
    }),
    async (context) => {
      const key = keyOf(context, store)
      requireRead(context.var.actor, key)
      const asset = await store.describe(key)
      if (asset === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
      return context.json(schemas.assetOutput(asset))
    },
  )

  app.delete(
    '/:key{.+}',
    documented('DELETE', {
      tag: 'Assets',
      summary: 'Delete an asset',
      answer: { description: 'There is nothing at the key any more', schema: schemas.deleted },
      codes: ['ERR_KEY_INVALID', 'ERR_KEY_RESERVED', 'ERR_ASSET_NOT_FOUND', 'ERR_READ_ONLY', 'ERR_SCOPE'],
    }),
    async (context) => {
      const key = keyOf(context, store)
      requireWrite(context.var.actor, key, publicScope)
      // The CDN is told whatever the store answers: an earlier run may have deleted the file and ended before it told the CDN.
      const isDeleted = await store.delete(key).finally(() => cdn.invalidate([keyPath(key)]))
      if (!isDeleted) throw new AssetError('ERR_ASSET_NOT_FOUND')
      return context.json({ key, deleted: true })
    },
  )

  for (const action of ['copy', 'move'] as const) {
    app.post(
      `/${action}`,
      documented('POST', {
        tag: 'Assets',
        summary: action === 'copy' ? 'Copy an asset' : 'Move an asset',
        description:
          'Within the store, whatever the size; above 5 GiB it takes S3 some seconds for each 100 GiB. Succeeds again.',
        answer: { description: 'The asset at `to`', schema: schemas.asset },
        codes: [
          'ERR_KEY_INVALID',
          'ERR_KEY_RESERVED',
          'ERR_ASSET_NOT_FOUND',
          'ERR_ASSET_EXISTS',
          ...(action === 'move' ? (['ERR_ASSET_CHANGED'] as const) : []),
          'ERR_READ_ONLY',
          'ERR_SCOPE',
          'ERR_CONTENT_TYPE_REFUSED',
          'ERR_TOO_LARGE',
          'ERR_QUOTA',
        ],
      }),
      input('json', schemas.transferInput),
      async (context) => {
        const { actor } = context.var
        const { from, to, overwrite = false } = context.req.valid('json')
        const source = parseObjectKey(from, store.maxKeyLength)
        const target = parseObjectKey(to, store.maxKeyLength)
        if (action === 'copy') requireRead(actor, source)
        else requireWrite(actor, source, publicScope)
        const depth = requireWrite(actor, target, publicScope)
        const isWithin = source.startsWith(quotaPrefix(target, depth))
        await requireFit(actor, source, target)
        // A move within one prefix adds nothing to it.
        if (action === 'copy' || !isWithin) await requireRoom({ action, source, target, overwrite, depth })
        const asset = await store[action](source, target, { overwrite }).catch(async (error: unknown) => {
          // The target may be replaced by now, although the source could not be deleted.
          if (overwrite && !isRefusedCopy(error)) await cdn.invalidate([keyPath(target)])
          throw error
        })
        const changed = [...(overwrite ? [target] : []), ...(action === 'move' ? [source] : [])]
        if (changed.length > 0) await cdn.invalidate(changed.map(keyPath))
        return context.json(schemas.assetOutput(asset))
      },
    )
  }

  /** A file that may not be uploaded to the target may not be copied there. */
  async function requireFit(actor: Actor, source: ObjectKey, target: ObjectKey) {
    if (actor.grants.every(({ upload }) => upload === undefined)) return
    const file = await store.describe(source)
    if (file !== undefined) requireWithinLimits(actor, target, file)
  }

  /** The copy counts below the target's prefix, unless it is there already. */
  async function requireRoom({ action, source, target, overwrite, depth }: Transfer) {
    if (quotaBytes === null) return
    const there = await store.describe(source)
    if (isResultOf(action, source, there, await store.describe(target))) return
    await requireQuota(store, { key: target, overwrite, depth }, there?.size ?? 0, quotaBytes)
  }
  return app
}

/** A copy or move, parsed. */
interface Transfer {
  readonly action: TransferKind
  readonly source: ObjectKey
  readonly target: ObjectKey
  readonly overwrite: boolean
  readonly depth: number
}

/** Returns true if nothing was written. */
function isRefusedCopy(error: unknown): boolean {
  return error instanceof AssetError && error.code !== 'ERR_ASSET_CHANGED'
}

function firstPrefix(actor: Actor): string {
  const [grant] = actor.grants
  if (grant === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  return objectKeyPrefix(grant.prefix)
}

/**
 * The key of the path, decoded once, segment by segment: an encoded `/` stays part of its segment and is refused there. Behind
 * API Gateway none arrives: it hands the path over decoded.
 */
function keyOf(context: Context, { maxKeyLength }: AssetStore): ObjectKey {
  const raw = context.req.path.slice('/api/assets/'.length)
  let segments: string[]
  try {
    segments = raw.split('/').map(decodeURIComponent)
  } catch (cause) {
    throw new AssetError('ERR_KEY_INVALID', undefined, { cause })
  }
  if (segments.some((segment) => segment.includes('/'))) throw new AssetError('ERR_KEY_INVALID')
  return parseObjectKey(segments.join('/'), maxKeyLength)
}
