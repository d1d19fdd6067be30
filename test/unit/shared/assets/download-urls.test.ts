import { verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type CdnUrlDependencies, createCdnUrls } from '../../../../shared/assets/download-urls.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import { cannedPolicy } from '../../../../shared/cloudfront/signed-request.ts'
import { createPolicySigner } from '../../../../shared/cloudfront/signer.ts'
import { ServiceError } from '../../../../shared/errors.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { makeKeyPair, signingKey } from '../../../../shared/keys/make-key-pair.ts'

const now = 1_800_000_000
const key = signingKey(makeKeyPair('ES256'), 'K1', 0)
const signer = createPolicySigner(key)
const fallbacks: unknown[] = []
const cdn = { host: 'cdn.example.com', origin: 'https://cdn.example.com' }
const make = (changes: Partial<CdnUrlDependencies> = {}) =>
  createCdnUrls({
    urls: 'signed',
    cdn,
    signer: async () => signer,
    presign: async ({ key }, ttl, at) => ({ url: `https://s3.example.com/${key}`, expiresAt: at + ttl }),
    fallbackToS3: false,
    onFallback: (...what) => fallbacks.push(what),
    ...changes,
  })
const secret = parseObjectKey('users/alice/a b*'.replace('*', "'(1)"))
const open = parseObjectKey('public/logo.png')
const decode = (text: string) =>
  Buffer.from(text.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/'), 'base64')

describe('CDN URLs', () => {
  it('are signed for exactly the URL that is shown, with its name, and verify', async () => {
    const [url] = await make().files([{ key: secret, fileName: "it's 100% *.pdf".replace('*', '(ü)') }], 60, now)
    const { origin, pathname, searchParams } = new URL(url?.url ?? '')
    expect(url).toMatchObject({ key: secret, expiresAt: now + 60, checkedBy: 'cdn' })
    const policy = decode(searchParams.get('Policy') ?? '')
    const { Resource, Condition } = JSON.parse(policy.toString()).Statement[0]
    expect(Resource).toBe(url?.url.slice(0, url.url.indexOf('&Policy=')))
    expect(Resource).not.toMatch(/\*|'/)
    expect(Condition.DateLessThan['AWS:EpochTime']).toBe(now + 60)
    expect(verify('sha256', policy, key.publicKey, decode(searchParams.get('Signature') ?? ''))).toBe(true)
    expect(searchParams.get('response-content-disposition')).toBe(
      `attachment; filename="it's 100_ (_).pdf"; filename*=UTF-8''it%27s%20100%25%20%28%C3%BC%29.pdf`,
    )
    expect(origin + pathname).toBe('https://cdn.example.com/users/alice/a%20b%27%281%29')
  })

  it('of public assets are permanent, in the order asked for', async () => {
    const urls = await make().files([{ key: open }, { key: secret }, { key: open }], 60, now)
    expect(urls.map((url) => url.checkedBy)).toEqual(['nobody', 'cdn', 'nobody'])
    expect(urls[0]).toEqual({
      key: open,
      url: 'https://cdn.example.com/public/logo.png',
      expiresAt: undefined,
      checkedBy: 'nobody',
    })
  })

  it('are plain, or S3’s, where the stage says so', async () => {
    expect(await make({ urls: 'plain' }).files([{ key: secret }], 60, now)).toMatchObject([
      { checkedBy: 'nobody', expiresAt: undefined },
    ])
    expect(await make({ urls: 'presigned' }).files([{ key: secret }], 60, now)).toMatchObject([
      { checkedBy: 's3', expiresAt: now + 60 },
    ])
  })

  it('have a canned policy for a file without a name, signed for the host whatever origin the client sees', async () => {
    const locals = make({ cdn: { ...cdn, origin: 'http://localhost:8080' } })
    const [url] = await locals.files([{ key: secret }], 60, now)
    const path = '/users/alice/a%20b%27%281%29'
    const { searchParams } = new URL(url?.url ?? '')
    expect(url?.url.startsWith(`http://localhost:8080${path}?Expires=${now + 60}&Key-Pair-Id=K1&Signature=`)).toBe(true)
    const signed = Buffer.from(cannedPolicy(`https://cdn.example.com${path}`, now + 60))
    expect(verify('sha256', signed, key.publicKey, decode(searchParams.get('Signature') ?? ''))).toBe(true)
  })

  it('begin with the base path of a distribution that serves keys below a prefix', async () => {
    const below = { cdn: { ...cdn, basePath: '/assets' } }
    const [url] = await make(below).files([{ key: secret, fileName: 'a' }], 60, now)
    const { pathname, searchParams } = new URL(url?.url ?? '')
    expect(pathname).toBe('/assets/users/alice/a%20b%27%281%29')
    expect(decode(searchParams.get('Policy') ?? '').toString()).toContain(`"https://cdn.example.com${pathname}?`)
    const folder = await make(below).folder(parseResourcePrefix('/users/alice/'), 60, now)
    expect(folder.baseUrl).toBe('https://cdn.example.com/assets/users/alice/')
    const policy = decode(new URLSearchParams(folder.querystring).get('Policy') ?? '').toString()
    expect(policy).toContain('"https://cdn.example.com/assets/users/alice/*"')
    const [plain] = await make({ ...below, urls: 'plain' }).files([{ key: open }], 60, now)
    expect(plain?.url).toBe('https://cdn.example.com/assets/public/logo.png')
  })

  it('fall back to S3 only on an outage, only where that was chosen, and never in silence', async () => {
    const outage = { signer: () => Promise.reject(new ServiceError('ERR_KEYS_UNAVAILABLE')) }
    const requests = [{ key: open }, { key: secret }]
    await expect(make(outage).files(requests, 60, now)).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE' })
    expect(fallbacks).toEqual([])
    const urls = await make({ ...outage, fallbackToS3: true }).files(requests, 60, now)
    expect(urls.map((url) => url.checkedBy)).toEqual(['nobody', 's3'])
    expect(fallbacks).toEqual([['ERR_KEYS_UNAVAILABLE', 1]])
    const bug = { signer: () => Promise.reject(new TypeError('bug')), fallbackToS3: true }
    await expect(make(bug).files(requests, 60, now)).rejects.toThrow(TypeError)
  })

  it('of a CDN whose name is not known are made by S3, or not at all', async () => {
    const requests = [{ key: open }, { key: secret }]
    const nameless = (changes: Partial<CdnUrlDependencies>) => make({ cdn: undefined, ...changes })
    const presigned = await nameless({ urls: 'presigned' }).files(requests, 60, now)
    expect(presigned.map((url) => url.checkedBy)).toEqual(['s3', 's3'])
    const prefix = parseResourcePrefix('/users/alice/')
    for (const urls of ['signed', 'plain'] as const) {
      for (const request of requests) {
        await expect(nameless({ urls }).files([request], 60, now)).rejects.toMatchObject({ code: 'ERR_CONFIG' })
      }
      await expect(nameless({ urls }).folder(prefix, 60, now)).rejects.toMatchObject({ code: 'ERR_CONFIG' })
    }
    fallbacks.length = 0
    const fallen = await nameless({ fallbackToS3: true }).files(requests, 60, now)
    expect([fallen.map((url) => url.checkedBy), fallbacks]).toEqual([['s3', 's3'], [['ERR_CONFIG', 2]]])
  })

  it('of a folder have one policy with one wildcard at its end', async () => {
    const prefix = parseResourcePrefix('/users/alice/')
    const folder = await make().folder(prefix, 60, now)
    const policy = JSON.parse(decode(new URLSearchParams(folder.querystring).get('Policy') ?? '').toString())
    expect(policy.Statement[0].Resource).toBe('https://cdn.example.com/users/alice/*')
    expect(folder).toMatchObject({ baseUrl: 'https://cdn.example.com/users/alice/', expiresAt: now + 60 })
    await expect(make({ urls: 'presigned' }).folder(prefix, 60, now)).rejects.toMatchObject({
      code: 'ERR_NOT_IMPLEMENTED',
    })
  })
})
