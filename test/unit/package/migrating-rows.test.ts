/** Rows of docs/migrating.md that are requests of the API, variables, or fields of the configuration: each works as written. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { fromEnv, signUrl } from '../../../package/server.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import { createTestApi } from '../../support/api.ts'
import { createMemoryS3 } from '../../support/memory-s3.ts'
import { ecPrivatePem } from '../fixtures/key-pairs.ts'

const text = await readFile(new URL('../../../docs/migrating.md', import.meta.url), 'utf8')
const rows = [...text.matchAll(/^\| (.+) \| (.+) \|$/gm)]
  .map(([, there = '', here = '']) => ({ there, here }))
  .filter(({ there }) => !/^-+$/.test(there))

const codeIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

describe('requests', () => {
  const s3 = createMemoryS3()
  const { client, bucket } = s3
  const store = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: 'native', ticketSeconds: 600 })
  const api = createTestApi(store)
  const key = 'users/alice/a.pdf'
  /** A value of each field that a row names. */
  const values: Readonly<Record<string, unknown>> = {
    key,
    contentType: 'text/plain',
    size: 5,
    visibility: 'private',
    expiresIn: 120,
    prefix: 'users/alice/',
    from: key,
    to: 'users/alice/b.pdf',
    overwrite: true,
  }

  /** `POST /path {key, expiresIn?}`, as the page writes requests; `/move` stands for the path whose last part it replaces. */
  const requests = rows.flatMap(({ here }) => {
    const [first = '', ...more] = codeIn(here)
    const request = /^(GET|POST|DELETE) (\/api\/[\w/{}]+)(?: \{(.*)\})?$/.exec(first)
    if (request === null) return []
    const [, method = '', path = '', ownFields] = request
    const fields = ownFields ?? more.find((code) => /^\{.*\}$/.test(code))?.slice(1, -1)
    const other = more.find((code) => /^\/\w+$/.test(code))
    const paths = other === undefined ? [path] : [path, path.replace(/\/\w+$/, other)]
    return paths.map((one) => ({ method, path: one, fields: (fields ?? '').split(/, ?/).filter(Boolean) }))
  })

  /** One upload from ticket to confirm: the URL that a row needs is that of an upload, or of an asset. */
  const upload = async (of: string) => {
    const json = { key: of, contentType: 'text/plain', size: 5, overwrite: true }
    const ticket = await api.call('/api/uploads', { json })
    expect(await s3.deliver(ticket.body, Buffer.from('12345'))).toBe(200)
    return ticket.body.uploadId as string
  }

  it('are named on the page', () => {
    expect(requests.length).toBeGreaterThanOrEqual(10)
    const named = requests.map(({ method, path }) => `${method} ${path}`)
    for (const one of ['POST /api/uploads', 'POST /api/downloads', 'DELETE /api/assets/{key}', 'POST /api/assets/move'])
      expect(named).toContain(one)
  })

  it.each(requests)('$method $path $fields is answered', async ({ method, path, fields }) => {
    await api.call(`/api/assets/${values.to}`, { method: 'DELETE' })
    const uploadId = await upload(key)
    const confirmed = path.includes('confirm') || path === '/api/uploads'
    if (!confirmed) await api.call(`/api/uploads/${uploadId}/confirm`, { json: {} })
    const wanted = { ...values, ...(path === '/api/uploads' ? { key: 'users/alice/new.pdf' } : {}) }
    const names = fields.map((field) => field.replace('?', ''))
    for (const name of names) expect(wanted).toHaveProperty(name)
    const isUpload = path === '/api/uploads' && names.length === 0
    const sent = isUpload ? ['key', 'contentType', 'size', 'visibility', 'expiresIn'] : names
    const isDownload = path === '/api/downloads' && names.length === 0
    const json = Object.fromEntries((isDownload ? ['key'] : sent).map((name) => [name, wanted[name as 'key']]))
    const at = path.replace('{uploadId}', uploadId).replace('{key}', key)
    const answer = await api.call(at, method === 'POST' ? { method, json } : { method })
    expect(answer.body).not.toHaveProperty('code')
    expect(answer.status).toBeLessThan(300)
    if (path === '/api/uploads') {
      expect(Object.keys(answer.body)).toEqual(expect.arrayContaining(['url', 'method', 'headers', 'expiresAt', 'key']))
      expect(Object.keys(answer.body)).toEqual(expect.arrayContaining(['protocol', 'uploadId']))
    }
    if (path === '/api/downloads') {
      const own = names.includes('prefix') ? ['baseUrl', 'querystring'] : ['url', 'isPermanent', 'checkedBy']
      expect(Object.keys(answer.body)).toEqual(expect.arrayContaining([...own, 'expiresAt']))
    }
  })

  it('GET /api/assets/{key} of no asset is 404', async () => {
    expect((await api.call('/api/assets/users/alice/none')).status).toBe(404)
  })
})

describe('fields of the configuration', () => {
  /** `cdnHost`, `downloads.urls: 'plain' | 'signed'`: a name with a dot is always one of the configuration. */
  const known = ['bucket', 'bucketRegion', 'cdnHost', 'keyPrefix']
  const values: Readonly<Record<string, readonly unknown[]>> = {
    bucket: ['my-assets'],
    bucketRegion: ['eu-west-1'],
    cdnHost: ['cdn.example.com'],
    keyPrefix: ['assets/'],
    'downloads.ttlSeconds': [600],
    'uploads.ticketSeconds': [600],
    'cookies.ipBinding': [true],
  }
  const fields = [...text.matchAll(/`([a-z]\w*(?:\.[a-z]\w*)?)(?:: ([^`]+))?`/g)].flatMap(
    ([, path = '', written]): (readonly [string, unknown])[] => {
      if (!known.includes(path) && !/^(downloads|uploads|cookies|keys|session)\./.test(path)) return []
      const given = written?.split(/ \\?\| /).map((one) => JSON.parse(one.replaceAll("'", '"')) as unknown)
      return (given ?? values[path] ?? ['no value']).map((value) => [path, value] as const)
    },
  )

  it('are named on the page', () => {
    expect(new Set(fields.map(([path]) => path)).size).toBeGreaterThanOrEqual(10)
  })

  it.each(fields)('%s: %j is accepted', (path, value) => {
    const [outer = '', inner] = path.split('.')
    const session = { algorithms: ['HS256' as const], issuer: 'app', audience: 'files' }
    const beside: Readonly<Record<string, object>> = {
      bucketRegion: { bucket: 'my-assets' },
      cdnHost: {
        certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0',
      },
    }
    const field = { [outer]: inner === undefined ? value : { [inner]: value } }
    const stage = { session, grants: ['/users/{sub}/*'], ...beside[outer], ...field }
    const parse = () => parseDeployment({ service: 'test', defaults: {}, stages: { test: stage } }, 'test')
    expect(parse).not.toThrow()
  })
})

describe('variables', () => {
  const variables = rows.flatMap(({ there, here }) =>
    codeIn(there)
      .filter((code) => /^[A-Z][A-Z0-9]+_[A-Z0-9_]+( \(.*\))?$/.test(code))
      .map((name) => ({ name, isUnused: here.includes('not used') })),
  )
  const s3 = { ASSET_BUCKET: 'my-assets', AWS_REGION: 'eu-west-1' }
  const signing = { CDN_DOMAIN: 'cdn.example.com', CF_KEY_ID: 'K1', CF_PRIVATE_KEY: ecPrivatePem }
  const files = {
    ASSET_STORAGE_PATH: '/srv/assets',
    ASSET_BASE_URL: 'https://assets.example.com',
    SECURE_LINK_SECRET: 'a-secret-of-links-for-tests',
  }
  /** A second value of each, in the environment where it counts. */
  const others: Readonly<Record<string, readonly [Readonly<Record<string, string>>, string]>> = {
    ASSET_BUCKET: [s3, 'other-assets'],
    AWS_REGION: [s3, 'us-east-1'],
    CDN_DOMAIN: [{ ...s3, ...signing }, 'other.example.com'],
    CF_KEY_ID: [{ ...s3, ...signing }, 'K2'],
    CF_PRIVATE_KEY_SECRET_ARN: [{ ...s3, CDN_DOMAIN: 'cdn.example.com' }, 'cdn-keys'],
    CF_PRIVATE_KEY: [{ ...s3, CDN_DOMAIN: 'cdn.example.com', CF_KEY_ID: 'K1' }, ecPrivatePem.replaceAll('\n', '\\n')],
    ASSET_KEY_PREFIX: [s3, 'assets/'],
    ASSET_PRESIGN_TTL_SECONDS: [s3, '120'],
    SECURE_LINK_SECRET: [files, 'another-secret-for-tests'],
    UPLOAD_SECRET: [files, 'A'.repeat(43)],
    CLOUDFRONT_DOMAIN: [s3, 'other.example.com'],
    CLOUDFRONT_KEY_PAIR_ID: [{ ...s3, CDN_DOMAIN: 'cdn.example.com', CF_PRIVATE_KEY: ecPrivatePem }, 'K2'],
    CLOUDFRONT_PRIVATE_KEY_SECRET: [{ ...s3, CDN_DOMAIN: 'cdn.example.com' }, 'cdn-keys'],
    CLOUDFRONT_URL_EXPIRATION_MINUTES: [s3, '15'],
    S3_PRE_SIGNED_URL_EXPIRY_S: [s3, '120'],
    S3_PRESIGNED_URL_EXPIRY_S: [s3, '120'],
    S3_BUCKET_DATA: [{ AWS_REGION: 'eu-west-1' }, 'other-assets'],
  }
  const onWarning = () => {}
  /** What the environment gives: the configuration, or the message of what is missing. */
  const read = async (env: Readonly<Record<string, string>>) => {
    try {
      const { keys, ...config } = fromEnv(env, { onWarning })
      // A key of Secrets Manager is fetched for the first signature.
      const isThere = env.CF_PRIVATE_KEY !== undefined
      const url = 'https://cdn.example.com/a'
      const signed = keys && isThere ? await signUrl({ keys, url, expires: new Date(2_000_000_000_000) }) : ''
      const keyPairId = new URL(signed, url).searchParams.get('Key-Pair-Id')
      return JSON.stringify({ ...config, keyPairId, hasKeys: keys !== undefined })
    } catch (error) {
      return (error as Error).message
    }
  }

  it('are named on the page', () => expect(variables.length).toBeGreaterThanOrEqual(20))

  it.each(variables)('$name counts, or is said to be of no use', async ({ name, isUnused }) => {
    if (isUnused) return expect(await read({ ...s3, [name]: 'x' })).toBe(await read(s3))
    const [env, other] = others[name] ?? [{}, '']
    expect(others).toHaveProperty(name)
    const changed = await read({ ...env, [name]: other })
    expect(changed).toMatch(/^\{/)
    expect(changed).not.toBe(await read(env))
  })
})
