import { createHash } from 'node:crypto'
import { downloadNameQuery } from '../../shared/assets/download-name.ts'
import type { DownloadRequest, DownloadUrl, DownloadUrls } from '../../shared/assets/download-urls.ts'
import { isPublic, keyPath, publicPrefix } from '../../shared/assets/object-key.ts'

/** Where nginx serves downloads: `public/` to anybody, `private/` to links with an `md5`. */
export const downloadPaths = { public: '/assets/public/', private: '/assets/private/' } as const

/** What links are made with. */
export interface SecureLinkOptions {
  /** What URLs begin with: `https://cdn.example.com`. */
  readonly origin: string
  /** Shared with nginx, in base64url. */
  readonly secret: string
}

/**
 * Download URLs that nginx checks itself (`ngx_http_secure_link_module`). MD5 is what the module has; without the secret nobody
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
    // nginx compares with the path that it has decoded; the name is signed as it is sent.
    const signed = `${expires}${downloadPaths.private}${key}${name === '' ? '' : `?${name}`} ${secret}`
    const querystring = `md5=${md5(signed)}&expires=${expires}${name === '' ? '' : `&${name}`}`
    return { key, url: `${origin}${path}?${querystring}`, expiresAt: expires, checkedBy: 'cdn' }
  }
}

const permanent = { querystring: '', expiresAt: undefined } as const

/** As `secure_link_md5` wants it: base64url without padding. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('base64url')
}
