import { createHash } from 'node:crypto'
import { ids } from '../../infra/names.ts'
import { downloadNameQuery } from '../../shared/assets/download-name.ts'
import type { DownloadRequest, DownloadUrl, DownloadUrls } from '../../shared/assets/download-urls.ts'
import { isPublic, keyPath, publicPrefix } from '../../shared/assets/object-key.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { functionProblem, functionReaders } from '../../shared/read/function-problem.ts'
import { downloadPaths } from '../nginx/link.ts'
import type { LinkConfig } from '../nginx/link-locations.ts'

/** What links are made with. */
export interface SecureLinkOptions {
  /** What URLs begin with: `https://cdn.example.com`. */
  readonly origin: string
  /** Shared with nginx, in base64url. */
  readonly secret: string
}

/**
 * Download URLs in the format of nginx's `secure_link` module, which `server/nginx/link.ts` verifies. MD5 is what the module has; without the secret nobody
 * can make one, and a link is good for hours, not for years.
 */
export function createSecureLinkUrls({ origin, secret }: SecureLinkOptions): DownloadUrls {
  return {
    async files(requests, ttl, now) {
      return requests.map((request) => fileUrl(request, now + ttl))
    },
    async folder(prefix, ttl, now) {
      const path = `${downloadPaths.private}${prefix.slice(1)}`
      if (prefix.startsWith(`/${publicPrefix}`)) {
        return { baseUrl: `${origin}${downloadPaths.public}${prefix.slice(publicPrefix.length + 1)}`, ...permanent }
      }
      const expires = now + ttl
      // No path holds a `*`, so what is signed for a folder is good for no file, and the other way round.
      const querystring = `md5=${md5(`${expires}${path}* ${secret}`)}&expires=${expires}&prefix=${path}`
      return { baseUrl: origin + path, querystring, expiresAt: expires }
    },
  }

  function fileUrl({ key, fileName }: DownloadRequest, expires: number): DownloadUrl {
    const name = fileName === undefined ? '' : downloadNameQuery(fileName)
    if (isPublic(key)) {
      const url = `${origin}${downloadPaths.public}${keyPath(key).slice(publicPrefix.length + 1)}`
      return { key, url: name === '' ? url : `${url}?${name}`, expiresAt: undefined, checkedBy: 'nobody' }
    }
    const path = `${downloadPaths.private}${keyPath(key).slice(1)}`
    // The verifier compares with the decoded path; the name is signed as it is sent.
    const signed = `${expires}${downloadPaths.private}${key}${name === '' ? '' : `?${name}`} ${secret}`
    const querystring = `md5=${md5(signed)}&expires=${expires}${name === '' ? '' : `&${name}`}`
    return { key, url: `${origin}${path}?${querystring}`, expiresAt: expires, checkedBy: 'cdn' }
  }
}

/**
 * What nginx needs to serve download links. The guard and the headers function are part of every stage, also where neither is
 * on the private behaviours.
 */
export function linkConfig(secret: string, config: StageConfig): LinkConfig {
  return {
    secret,
    readers: functionReaders(config),
    problems: {
      invalid: functionProblem('ERR_LINK_INVALID'),
      expired: functionProblem('ERR_LINK_EXPIRED'),
      unavailable: functionProblem('ERR_STATE_UNAVAILABLE'),
    },
    guard: ids.guard,
    headers: ids.headers,
  }
}

const permanent = { querystring: '', expiresAt: undefined } as const

/** As `secure_link_md5` has it: base64url without padding. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('base64url')
}
