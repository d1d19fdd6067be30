import { Hono } from 'hono'
import { type Actor, requireFolder, requireRead } from '../../../shared/assets/access.ts'
import { parseFileName } from '../../../shared/assets/download-name.ts'
import type { DownloadRequest, DownloadUrl } from '../../../shared/assets/download-urls.ts'
import { folderPath, parseKeyPrefix, parseObjectKey } from '../../../shared/assets/object-key.ts'
import { rfc3339 } from '../../../shared/http/rfc3339.ts'
import type { ApiEnv } from '../actor.ts'
import { documented, input } from '../openapi.ts'
import * as schemas from '../schemas.ts'
import type { ApiServices } from '../services.ts'

interface FileInput {
  readonly key: string
  readonly filename?: string | undefined
}

/** `/api/downloads`: URLs that need no cookie, for one asset, many, or a folder. */
export function downloadRoutes(services: ApiServices): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.post(
    '/',
    documented('POST', {
      tag: 'Downloads',
      summary: 'URLs for one asset, up to 1,000 assets, or a folder',
      description:
        'Whether something is at a key is not looked up: a URL for nothing answers 404. A folder’s URL is `baseUrl`, a file’s encoded path, `?` and `querystring`.',
      answer: { description: 'One URL, `files` in the order asked for, or a folder', schema: schemas.downloads },
      codes: [
        'ERR_KEY_INVALID',
        'ERR_KEY_RESERVED',
        'ERR_FILE_NAME',
        'ERR_ASSET_NOT_FOUND',
        'ERR_SCOPE',
        'ERR_CONFIG',
        'ERR_NOT_IMPLEMENTED',
      ],
    }),
    input('json', schemas.downloadInput),
    async (context) => {
      const { actor, now } = context.var
      const asked = context.req.valid('json')
      const ttl = Math.min(asked.expiresIn ?? services.config.downloads.ttlSeconds, 86_400)
      if ('prefix' in asked) return context.json(await folder(asked.prefix, ttl, actor, now, services))
      const wanted = 'files' in asked ? asked.files : [asked]
      const requests = wanted.map((file) => downloadRequest(file, actor, services))
      const urls = (await services.downloads.files(requests, ttl, now)).map(urlAnswer)
      return 'files' in asked ? context.json({ files: urls }) : context.json(urls[0])
    },
  )
  return app
}

function downloadRequest({ key, filename }: FileInput, actor: Actor, { store }: ApiServices): DownloadRequest {
  const parsed = parseObjectKey(key, store.maxKeyLength)
  requireRead(actor, parsed)
  return { key: parsed, fileName: filename === undefined ? undefined : parseFileName(filename) }
}

async function folder(prefix: string, ttl: number, actor: Actor, now: number, services: ApiServices) {
  const parsed = parseKeyPrefix(prefix, services.store.maxKeyLength)
  requireFolder(actor, parsed, services.config.uploads.publicScope)
  const { baseUrl, querystring, expiresAt } = await services.downloads.folder(folderPath(parsed), ttl, now)
  return { baseUrl, querystring, ...timesOf(expiresAt) }
}

function urlAnswer({ key, url, expiresAt, checkedBy }: DownloadUrl) {
  return { key: key as string, url, ...timesOf(expiresAt), checkedBy }
}

function timesOf(expiresAt: number | undefined) {
  return { isPermanent: expiresAt === undefined, expiresAt: expiresAt === undefined ? null : rfc3339(expiresAt) }
}
