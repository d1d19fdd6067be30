import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CloudFrontRequestEvent } from 'aws-lambda'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runDirectory } from '../../../local/paths.ts'
import { localSite } from '../../../local/site.ts'
import { type RunningSite, startSite } from '../../../local/start.ts'
import { publicKeysIn, readKeyDocument, writeKeyGroup } from '../../../local/state/state-files.ts'
import { toCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { customPolicy, resourcePolicy } from '../../../shared/cloudfront/policy.ts'
import { createPolicySigner } from '../../../shared/cloudfront/signer.ts'
import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { newestUsableKey } from '../../../shared/keys/key-document.ts'
import { packagedApi } from '../../support/packaged-api.ts'
import { sendRaw } from '../../support/raw-request.ts'
import { smallTemplate } from './cloudfront/template/small-template.ts'

/** Each mechanism of the emulation on a distribution that is not the project's own. */

const edgeBundle = `exports.handler = async (event) => {
  const request = event.Records[0].cf.request
  const query = request.querystring
  if (query === 'respond') return { status: '201', headers: { 'set-cookie': [{ value: 'a=1' }, { value: 'b=2' }] }, body: request.uri }
  if (query === 'empty-body') return { status: '204', body: 'x' }
  if (query === 'throw') throw new Error('broken')
  if (query === 'event') return { status: '200', body: JSON.stringify(event) }
  if (query === 'range') request.headers.range = [{ key: 'Range', value: 'bytes=1-2' }]
  if (query === 'move') request.uri = '/files/one.txt'
  return request
}`
const apiBundle = `exports.handler = async (event) => ({
  statusCode: 202, headers: { 'x-route': event.routeKey, 'x-env': process.env.BUCKET + ' ' + process.env.STAGE }, cookies: ['c=1'], body: JSON.stringify(event) })`

let directory: string
let emulation: RunningSite

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'emulation-test-'))
  const put = (name: string, text: string) => {
    mkdirSync(join(directory, name, '..'), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  put('package/dist/edge/index.cjs', edgeBundle)
  put('package/dist/api/index.cjs', apiBundle)
  put('content/files/one.txt', 'one file\n')
  put('content/files/data', '0123456789')
  put('content/lambda/data', '0123456789')
  put('content/private/alice/data', 'private\n')
  put('content/files/folder/inside', 'inside\n')
  for (const folder of ['files', 'lambda']) {
    put(`content/${folder}/a b`, 'a space')
    put(`content/${folder}/a+b`, 'a plus')
  }
  for (const name of ['index.m3u8', 'manifest.mpd', 'captions.vtt', 'constructor']) put(`content/files/${name}`, 'x')
  put('outside.txt', 'outside\n')
  symlinkSync(join(directory, 'outside.txt'), join(directory, 'content/files/link'))
  const site = localSite({
    port: 0,
    content: join(directory, 'content'),
    stateDirectory: join(directory, 'state'),
  })
  const packaged = { directory: join(directory, 'package'), template: smallTemplate() }
  emulation = await startSite({ ...site, package: async () => packaged }, packagedApi)
}, 120_000)

afterAll(async () => {
  await emulation?.stop()
  rmSync(directory, { recursive: true, force: true })
})

const get = (path: string, init: RequestInit = {}) => fetch(emulation.url + path, { redirect: 'manual', ...init })

async function signedCookies(prefix = '/private/alice/'): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const signer = createPolicySigner(newestUsableKey(readKeyDocument(emulation.state), now))
  const host = new URL(emulation.url).host
  const signed = await signer.sign(
    customPolicy({ host, prefix: parseResourcePrefix(prefix), notBefore: now - 10, expires: now + 60 }),
  )
  return [
    `CloudFront-Policy=${signed.policy}`,
    `CloudFront-Signature=${signed.signature}`,
    `CloudFront-Key-Pair-Id=${signed.keyPairId}`,
    `CloudFront-Hash-Algorithm=${signed.hashAlgorithm}`,
  ].join('; ')
}

describe('the bucket', () => {
  it('serves files with ranges, conditions and strong ETags', async () => {
    const whole = await get('/files/data')
    expect([whole.status, await whole.text()]).toEqual([200, '0123456789'])
    const etag = whole.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[^"]+"$/)
    const range = { range: 'bytes=2-4' }
    const part = await get('/files/data', { headers: range })
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 2-4/10', '234'])
    expect((await get('/files/data', { headers: { ...range, 'if-range': '"other"' } })).status).toBe(200)
    expect((await get('/files/data', { headers: { ...range, 'if-range': etag } })).status).toBe(206)
    expect((await get('/files/data', { headers: { 'if-none-match': etag } })).status).toBe(304)
    const validators = { 'if-none-match': etag, 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }
    expect((await get('/files/data', { headers: validators })).status).toBe(304)
    const beyond = await get('/files/data', { headers: { range: 'bytes=10-' } })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10'])
  })

  it.each([
    '/files/',
    '/files/folder',
    '/files/none',
    '/files/link',
    '/files//data',
    '/files/./data',
    '/files/x/../data',
  ])('has no object %s', async (path) => {
    const answer = await rawGet(path)
    expect([answer.status, /<Code>NoSuchKey<\/Code>/.test(answer.text)]).toEqual([404, true])
  })

  it.each([
    ['bytes=9-0', 200],
    ['bytes=x-1', 200],
    ['bytes=', 200],
    ['lines=0-1', 200],
    ['BYTES=2-4', 206],
    ['bytes=00002-4', 206],
    ['bytes=2-99999999999999999999999', 206],
    ['bytes=-99999999999999999999999', 206],
    ['bytes=99999999999999999999999-', 416],
    ['bytes=-0', 416],
  ])('answers the range %s with %i, through a function too', async (range, status) => {
    for (const path of ['/files/data', '/lambda/data']) {
      expect([path, (await get(path, { headers: { range } })).status]).toEqual([path, status])
    }
  })

  it('has no range for HEAD', async () => {
    for (const path of ['/files/data', '/lambda/data', '/files/data?cut=1']) {
      const answer = await get(path, { method: 'HEAD', headers: { range: 'bytes=2-4' } })
      expect([path, answer.status, answer.headers.get('content-length')]).toEqual([path, 200, '10'])
    }
  })

  it('reads + in a path as a space, and %2B as +', async () => {
    for (const folder of ['files', 'lambda']) {
      expect(await (await get(`/${folder}/a+b`)).text()).toBe('a space')
      expect(await (await get(`/${folder}/a%20b`)).text()).toBe('a space')
      expect(await (await get(`/${folder}/a%2Bb`)).text()).toBe('a plus')
    }
  })

  it.each([
    ['index.m3u8', 'application/vnd.apple.mpegurl'],
    ['manifest.mpd', 'application/dash+xml'],
    ['captions.vtt', 'text/vtt'],
    ['constructor', 'application/octet-stream'],
  ])('serves %s as %s', async (name, type) => {
    expect((await get(`/files/${name}`)).headers.get('content-type')).toBe(type)
  })

  it('adds the policy to errors, and runs no viewer-response function for them', async () => {
    const missing = await get('/files/none.txt')
    expect([missing.status, missing.headers.get('x-policy'), missing.headers.get('x-seen')]).toEqual([404, 'yes', null])
  })
})

describe('CloudFront Functions', () => {
  it('answer with a response, to which no policy is added', async () => {
    const answer = await get('/files/one.txt?refuse=1')
    expect([answer.status, answer.headers.get('x-by'), await answer.text()]).toEqual([
      418,
      'function',
      'refused /files/one.txt',
    ])
    expect(answer.headers.get('x-policy')).toBeNull()
  })

  it('change the path and the range that reach the origin', async () => {
    expect(await (await get('/files/rewritten')).text()).toBe('one file\n')
    const cut = await get('/files/data?cut=1')
    expect([cut.status, await cut.text()]).toEqual([206, '01'])
  })

  it('see the response after the policy, and change it', async () => {
    const answer = await get('/files/one.txt')
    expect(answer.headers.get('x-seen')).toBe('200 yes')
    expect(answer.headers.get('last-modified')).toBeNull()
  })

  it('fail closed: 503 for an exception, 502 for a result that is none', async () => {
    expect((await get('/files/data?fail=1')).status).toBe(503)
    expect((await get('/files/data?nothing=1')).status).toBe(502)
  })
})

describe('Lambda@Edge', () => {
  it('answers with a response, one Set-Cookie for each entry', async () => {
    const answer = await get('/lambda/data?respond')
    expect([answer.status, await answer.text()]).toEqual([201, '/lambda/data'])
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  it('lets a request go on, with a changed path or header', async () => {
    const plain = await get('/lambda/data')
    expect([plain.status, plain.headers.get('x-policy'), await plain.text()]).toEqual([200, 'yes', '0123456789'])
    const range = await get('/lambda/data?range')
    expect([range.status, await range.text()]).toEqual([206, '12'])
    expect(await (await get('/lambda/data?move')).text()).toBe('one file\n')
  })

  it('gets 502 for what CloudFront refuses, and 503 for an exception', async () => {
    const invalid = await get('/lambda/data?empty-body')
    expect([invalid.status, await invalid.text()]).toEqual([502, expect.stringContaining('502 ERROR')])
    expect((await get('/lambda/data?throw')).status).toBe(503)
  })

  it("sees CloudFront's event and none of our own fields", async () => {
    const headers = { 'x-edge-viewer-address': '203.0.113.9' }
    const event = (await (await get('/lambda/data?event', { headers })).json()) as CloudFrontRequestEvent
    const { config, request: seen } = (event.Records[0] as CloudFrontRequestEvent['Records'][0]).cf
    expect(config).toMatchObject({ eventType: 'viewer-request', distributionDomainName: new URL(emulation.url).host })
    expect(seen).toMatchObject({ method: 'GET', uri: '/lambda/data', querystring: 'event' })
    expect(['127.0.0.1', '::1']).toContain(seen.clientIp)
    expect(Object.keys(seen.headers).filter((name) => name.startsWith('x-edge'))).toEqual([])
  })
})

const inherited = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty']

describe('names that objects inherit', () => {
  it.each(inherited)('%s in a query string is a name like any other', async (name) => {
    const plain = await get('/files/one.txt')
    const headers = ['x-policy', 'x-seen', 'content-type', 'accept-ranges', 'last-modified']
    for (const query of [`${name}=x`, `${name}=x&${name}=y`, name]) {
      const answer = await get(`/files/one.txt?${query}`)
      expect([query, answer.status, ...headers.map((header) => answer.headers.get(header))]).toEqual([
        query,
        200,
        ...headers.map((header) => plain.headers.get(header)),
      ])
    }
    const seen = await (await get(`/files/data?echo=1&${name}=x&${name}=y`)).text()
    expect(seen).toContain(`"${name}":{"value":"x","multiValue":[{"value":"x"},{"value":"y"}]}`)
  })

  it.each(inherited)('%s as a cookie or a header is one, too', async (name) => {
    const headers = { cookie: `${name}=x; a=b; ${name}=y`, [name]: 'z' }
    const seen = await (await get('/files/data?echo=1', { headers })).text()
    expect(seen).toContain(
      `"cookies":{"${name}":{"value":"x","multiValue":[{"value":"x"},{"value":"y"}]},"a":{"value":"b"}}`,
    )
    expect((await get('/files/one.txt', { headers })).headers.get('x-seen')).toBe('200 yes')
    const lambda = await get('/lambda/data?event', { headers })
    const text = await lambda.text()
    expect(lambda.status).toBe(200)
    // nginx drops a name with an underscore.
    if (!name.includes('_')) expect(text).toContain(`"${name.toLowerCase()}":[{"key":"${name}","value":"z"}]`)
    expect((await get('/lambda/data', { headers })).status).toBe(200)
  })
})

describe('a request target with bytes beyond ASCII', () => {
  it('is refused with a problem where a Lambda@Edge function would get it', async () => {
    const request = 'GET /lambda/\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    const { status, bytes } = await sendRaw(emulation.url, request)
    expect(status).toBe(400)
    for (const part of ['nosniff', 'ERR_REQUEST_INVALID']) expect(bytes.toString('latin1')).toContain(part)
  })
})

describe('a request that is too large', () => {
  it("is answered by CloudFront's 413, and neither parsed nor decided on", async () => {
    const cookie = await signedCookies()
    const fits = await get(`/private/alice/data?${'a'.repeat(8100)}`, { headers: { cookie } })
    expect(fits.status).toBe(200)
    const url = await get(`/private/alice/data?${'a'.repeat(8200)}`, { headers: { cookie } })
    expect([url.status, await url.text()]).toEqual([413, expect.stringContaining('413 ERROR')])
    const head = await get('/private/alice/data', { headers: { cookie: `${'a'.repeat(33_000)}; ${cookie}` } })
    expect([head.status, head.headers.get('x-content-type-options')]).toEqual([413, 'nosniff'])
  })
})

describe('the verifier', () => {
  const ask = (headers: Record<string, string>) =>
    new Promise<string>((resolve, reject) => {
      const config = readFileSync(join(runDirectory(emulation.port), 'nginx.conf'), 'utf8')
      const socketPath = /upstream verifier \{\s*server unix:(\S+) /.exec(config)?.[1] ?? ''
      request({ socketPath, path: '/', headers }, (response) => {
        response.resume()
        resolve(response.statusCode === 204 ? 'valid' : String(response.headers['x-edge-verdict']))
      })
        .on('error', reject)
        .end()
    })
  const fields = async (prefix?: string) => {
    const pairs = (await signedCookies(prefix)).split('; ').map((pair) => pair.slice('CloudFront-'.length))
    return Object.fromEntries(
      pairs.map((pair) => {
        const [name = '', value = ''] = pair.split('=')
        return [`x-edge-${name.toLowerCase()}`, value]
      }),
    )
  }

  it('parses each field again, and takes none apart', async () => {
    const own = await fields()
    expect(await ask(own)).toBe('valid')
    const joined = Object.values(own).join(' ')
    expect(await ask({ ...own, 'x-edge-key-pair-id': joined })).toBe('InvalidKey')
    expect(await ask({ ...own, 'x-edge-policy': joined })).toBe('MalformedPolicy')
    expect(await ask({ ...own, 'x-edge-signature': joined })).toBe('MalformedSignature')
    expect(await ask({ ...own, 'x-edge-hash-algorithm': joined })).toBe('AccessDenied')
    expect(await ask({})).toBe('MissingKey')
  })

  it('accepts a pattern with a wildcard inside only for a URL that it matches', async () => {
    const { host } = new URL(emulation.url)
    const now = Math.floor(Date.now() / 1000)
    const signer = createPolicySigner(newestUsableKey(readKeyDocument(emulation.state), now))
    const signed = await signer.sign(resourcePolicy(`https://${host}/*/alice/*`, { expires: now + 60 }))
    const own = {
      'x-edge-key-pair-id': signed.keyPairId,
      'x-edge-hash-algorithm': String(signed.hashAlgorithm),
      'x-edge-signature': signed.signature,
      'x-edge-policy': signed.policy,
    }
    const withUrl = (path: string) => ({ ...own, 'x-edge-unmatched-url': toCloudFrontBase64(`https://${host}${path}`) })
    expect(await ask(own)).toBe('AccessDenied')
    expect(await ask(withUrl('/private/alice/data'))).toBe('valid')
    expect(await ask(withUrl('/private/bob/data'))).toBe('AccessDenied')
  })
})

describe('the key group', () => {
  it('lets in a signed request, and refuses one without or with a changed signature', async () => {
    const cookie = await signedCookies()
    expect((await get('/private/alice/data', { headers: { cookie } })).status).toBe(200)
    const bare = await get('/private/alice/data')
    expect([bare.status, await bare.text()]).toEqual([403, expect.stringContaining('<Code>MissingKey</Code>')])
    const forged = cookie.replace(/Signature=(.{20})./, (_all, kept) => `Signature=${kept}_`)
    expect((await get('/private/alice/data', { headers: { cookie: forged } })).status).toBe(403)
    const other = await get('/private/bob/data', { headers: { cookie } })
    expect([other.status, other.headers.get('x-edge-signer-reason')]).toEqual([403, 'resource'])
    expect(other.headers.get('x-policy')).toBe('yes')
  })

  it('refuses fields with a line feed at the end before the verifier sees them', async () => {
    const query = (await signedCookies()).replaceAll('CloudFront-', '').replaceAll('; ', '&')
    expect((await get(`/private/alice/data?${query}`)).status).toBe(200)
    for (const [name, reason] of [
      ['Key-Pair-Id', 'unreadable-InvalidKey'],
      ['Policy', 'unreadable-MalformedPolicy'],
      ['Signature', 'unreadable-MalformedSignature'],
      ['Hash-Algorithm', 'unreadable-AccessDenied'],
    ]) {
      const answer = await get(`/private/alice/data?${query.replace(new RegExp(`${name}=[^&]*`), '$&%0A')}`)
      expect([name, answer.status, answer.headers.get('x-edge-signer-reason')]).toEqual([name, 403, reason])
    }
  })

  it('comes before the function: its answer is for valid signatures only', async () => {
    const cookie = await signedCookies()
    expect((await get('/private/alice/data?refuse=1', { headers: { cookie } })).status).toBe(418)
    const forged = cookie.replace('CloudFront-Signature=M', 'CloudFront-Signature=N')
    expect((await get('/private/alice/data?refuse=1', { headers: { cookie: forged } })).status).toBe(403)
  })

  it('refuses a key that left the group, and takes it back', async () => {
    const cookie = await signedCookies()
    writeKeyGroup(emulation.state, {})
    const refused = await get('/private/alice/data', { headers: { cookie } })
    expect(await refused.text()).toContain('<Code>InvalidKey</Code>')
    writeKeyGroup(emulation.state, publicKeysIn(readKeyDocument(emulation.state)))
    expect((await get('/private/alice/data', { headers: { cookie } })).status).toBe(200)
  })

  it('is asked before the method is looked at elsewhere: only allowed methods reach it', async () => {
    const refused = await get('/private/alice/data', { method: 'DELETE', headers: { cookie: await signedCookies() } })
    expect([refused.status, refused.headers.get('x-edge-signer-reason')]).toEqual([403, 'method'])
  })

  it('carries 20 KB of headers beside 32 cookies through every hop', async () => {
    const extra = Array.from({ length: 28 }, (_, index) => `c${index}=${'x'.repeat(300)}`).join('; ')
    const cookie = `${extra}; ${await signedCookies()}`
    const answer = await get('/private/alice/data', { headers: { cookie, 'x-large': 'y'.repeat(20_000) } })
    expect(answer.status).toBe(200)
    const lambda = await get('/lambda/data?respond', { headers: { cookie, 'x-large': 'y'.repeat(20_000) } })
    expect(lambda.status).toBe(201)
  })
})

describe('the HTTP API', () => {
  it("gets API Gateway's event, with cookies, and the path decoded", async () => {
    const answer = await get('/api/a%20b%C3%A9%25%2B?x=1&x=2', {
      method: 'POST',
      body: '{"a":1}',
      headers: { cookie: 'a=1; b=2' },
    })
    expect([answer.status, answer.headers.get('x-route'), answer.headers.getSetCookie()]).toEqual([
      202,
      'ANY /api/{proxy+}',
      ['c=1'],
    ])
    expect(await answer.json()).toMatchObject({
      version: '2.0',
      rawPath: '/api/a bé%+',
      rawQueryString: 'x=1&x=2',
      queryStringParameters: { x: '1,2' },
      cookies: ['a=1', 'b=2'],
      body: '{"a":1}',
      requestContext: { http: { method: 'POST', path: '/api/a bé%+' } },
    })
  })

  it('answers 400 for a path that is no UTF-8', async () => {
    for (const path of ['/api/a%ff', '/api/a%', '/api/%c3%28']) expect((await rawGet(path)).status, path).toBe(400)
  })

  it('runs with the environment of the template', async () => {
    expect((await get('/api/x')).headers.get('x-env')).toBe('the-files local')
  })

  it('answers 404 where it has no route', async () => expect((await get('/elsewhere')).status).toBe(404))
})

it('cannot be reached through the names of its own locations', async () => {
  for (const name of ['behaviour0', 'respond', 'verify', 'own', 'page403']) {
    expect((await get(`/${name}`)).status).toBe(404)
  }
})

it('takes an absolute-form target for its path', async () => {
  const { host } = new URL(emulation.url)
  const answer = await rawGet(`http://${host}/files/data`)
  expect([answer.status, answer.text]).toEqual([200, '0123456789'])
  expect((await rawGet('http://evil.example/files/data')).status).toBe(400)
})

it('says which port is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  const port = await new Promise<number>((resolve) =>
    server.once('listening', () => resolve((server.address() as { port: number }).port)),
  )
  await expect(startSite(localSite({ port }), packagedApi)).rejects.toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining(String(port)),
  })
  server.close()
})

/** Sends the target as it is: `fetch` would normalise it. */
function rawGet(target: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port: emulation.port, path: target, headers: { host: new URL(emulation.url).host } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
      .on('error', reject)
      .end()
  })
}
