import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { splitTarget } from '../../../../local/cloudfront/njs/path.ts'
import { type LinkProof, parseLink, verifyLink } from '../../../../server/nginx/link.ts'
import { createSecureLinkUrls } from '../../../../server/store/secure-link.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'

const secret = 'the-secret-of-links'
const now = 1_800_000_000
const urls = createSecureLinkUrls({ origin: '', secret })

/** Returns the file's own path for a target, or the reason why it opens none. */
function opens(target: string, at = now): string {
  const link = parseLink(splitTarget(target))
  if (link === undefined) return 'no link'
  if (link.proof === null) return link.path
  const verdict = verifyLink(link.proof, secret, at)
  return verdict === 'valid' ? link.path : verdict
}

const fileLink = async (key: string, fileName?: string) =>
  (await urls.files([{ key: parseObjectKey(key), fileName }], 60, now))[0]?.url ?? ''
const folderLink = (prefix: string) => urls.folder(parseResourcePrefix(prefix), 60, now)

describe('a link to a file', () => {
  test.each(['users/alice/x', 'users/alice/a b#%.txt', 'users/alice/é+(1)/|x', 'users/alice/100%25'])(
    'opens %s and no other',
    async (key) => {
      const url = await fileLink(key)
      expect(opens(url)).toBe(url.slice('/assets/private'.length).split('?')[0])
      expect(opens(url.replace('alice', 'bob'))).toBe('invalid')
    },
  )

  test('is in the format of secure_link: unpadded base64url of md5("{expires}{uri} {secret}")', async () => {
    const md5 = createHash('md5')
      .update(`${now + 60}/assets/private/users/alice/a b.txt ${secret}`)
      .digest('base64url')
    expect(await fileLink('users/alice/a b.txt')).toBe(
      `/assets/private/users/alice/a%20b.txt?md5=${md5}&expires=${now + 60}`,
    )
  })

  test('opens the key that the bucket reads: a raw + is a space', async () => {
    const plus = await fileLink('users/alice/b+c.txt')
    expect(plus).toContain('/b%2Bc.txt?')
    expect(opens(plus)).toBe('/users/alice/b%2Bc.txt')
    expect(opens(plus.replace('%2B', '+'))).toBe('invalid')
  })

  test('ends with its second', async () => {
    const url = await fileLink('users/alice/x')
    expect([opens(url, now + 60), opens(url, now + 61)]).toEqual(['/users/alice/x', 'expired'])
  })

  test('binds the download name', async () => {
    const url = await fileLink('users/alice/x', 'a.txt')
    expect(opens(url)).toBe('/users/alice/x')
    expect(opens(url.replace('a.txt', 'b.txt'))).toBe('invalid')
    expect(opens(url.replace(/&response-content-disposition=[^&]*/, ''))).toBe('invalid')
    expect(opens(`${await fileLink('users/alice/x')}&response-content-disposition=inline`)).toBe('invalid')
  })

  test('is none with a parameter that came twice, in another case, encoded or malformed', async () => {
    const url = await fileLink('users/alice/x', 'a.txt')
    const [path = '', query = ''] = url.split('?')
    const parts = query.split('&')
    for (const part of parts) {
      expect(opens(`${url}&${part}`), `${part} twice`).toBe('no link')
      expect(opens(`${path}?${part}&${query}`), `${part} twice`).toBe('no link')
    }
    for (const [from, to] of [
      ['md5=', 'MD5='],
      ['md5=', '%6dd5='],
      ['md5=', 'md5=='],
      ['expires=', 'expires=0'],
      ['expires=', 'expires=+'],
      ['expires=', 'expires=%31'],
      [String(now + 60), `${now + 60}%0A`],
      [String(now + 60), '9'.repeat(16)],
      [String(now + 60), ''],
    ] as const) {
      expect(opens(url.replace(from, to)), to).toBe('no link')
    }
    expect(opens(url.replace(/(md5=.{21})./, '$1\n'))).toBe('no link')
  })

  test('is none where the path decodes to what no key holds, or to nothing', async () => {
    const { baseUrl, querystring } = await folderLink('/users/alice/')
    const withoutPrefix = querystring.replace(/&prefix=.*/, '')
    // The subject of the folder's link, if a file could have that name.
    expect(opens(`${baseUrl}%2A?${withoutPrefix}`)).toBe('no link')
    expect(opens(`${baseUrl}%3F?${withoutPrefix}`)).toBe('no link')
    expect(opens(`${baseUrl}%E9?${withoutPrefix}`)).toBe('no link')
    expect(opens(`${baseUrl}%?${withoutPrefix}`)).toBe('no link')
  })
})

describe('a link to a folder', () => {
  test('opens what is below it', async () => {
    const { baseUrl, querystring } = await folderLink('/users/alice/my%20photos/')
    expect(opens(`${baseUrl}a/b%20c.txt?${querystring}`)).toBe('/users/alice/my%20photos/a/b%20c.txt')
    expect(opens(`${baseUrl}x?${querystring}`, now + 61)).toBe('expired')
  })

  test('opens no other folder, whatever is written beside its parameters', async () => {
    const { querystring } = await folderLink('/users/alice/')
    const prefix = '/assets/private/users/alice/'
    const bobs = '/assets/private/users/bob/b.txt'
    const change = (to: string) => querystring.replace(prefix, to)
    for (const query of [
      querystring,
      // Parts joined with `|` once were split again here.
      `${querystring}|${prefix}`,
      change(`${prefix}|${bobs}`),
      change(`/assets/private/users/bob/|${prefix}`),
      change('/assets/private/users/bob/'),
      change('/assets/private/'),
      change('/assets/private/users/'),
      change('/'),
      change(''),
      change(`${prefix}*`),
      change('*'),
      change('/assets/private/users/*/'),
      change(`${prefix}../bob/`),
      change('/assets/private/users/bob'),
      change(prefix.replaceAll('/', '%2F')),
      change(prefix.replace('alice', '%61lice')),
      `${querystring}&prefix=/assets/private/users/bob/`,
      `prefix=/assets/private/users/bob/&${querystring}`,
      querystring.replace(/&prefix=.*/, ''),
    ]) {
      expect(['no link', 'invalid'], query).toContain(opens(`${bobs}?${query}`))
    }
  })

  test('is no link to a file of that name, and the other way round', async () => {
    const { querystring } = await folderLink('/users/alice/')
    expect(opens(`/assets/private/users/alice/?${querystring.replace(/&prefix=.*/, '')}`)).toBe('invalid')
    const file = await fileLink('users/alice/x')
    expect(opens(`${file}&prefix=/assets/private/users/alice/`)).toBe('invalid')
  })
})

test('a public file needs no proof', () => {
  expect(opens('/assets/public/a/b.txt?md5=x&md5=y')).toBe('/public/a/b.txt')
})

test('what is below neither folder is no link', () => {
  for (const path of [
    '/assets/',
    '/assets/users/alice/x',
    '/assets/privatee/x',
    '/Assets/private/x',
    '/x/assets/private/x',
  ])
    expect(opens(path), path).toBe('no link')
})

test('verifying takes linear time', () => {
  const proof: LinkProof = { subject: '/'.repeat(1_000_000), md5: 'A'.repeat(22), expires: '1' }
  expect(verifyLink(proof, secret, now)).toBe('invalid')
  expect(opens(`/assets/private/x?${'md5&'.repeat(100_000)}`)).toBe('no link')
})
