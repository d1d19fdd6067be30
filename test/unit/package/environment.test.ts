import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigError, type Environment, fromEnv, openAssets } from '../../../package/server.ts'
import { ecPrivatePem, rsaPrivatePem } from '../fixtures/key-pairs.ts'

const folder = mkdtempSync(join(tmpdir(), 'environment-'))
const pemFile = join(folder, 'private.pem')
writeFileSync(pemFile, rsaPrivatePem)
afterAll(() => rmSync(folder, { recursive: true }))

const bucket = { ASSET_BUCKET: 'my-assets', AWS_REGION: 'eu-west-1' }
const cdn = { CDN_DOMAIN: 'cdn.example.com', CF_KEY_ID: 'K1' }
const files = {
  ASSET_STORAGE_PATH: '/srv/assets',
  ASSET_BASE_URL: 'https://assets.example.com',
  SECURE_LINK_SECRET: 'a-secret-of-links-for-tests',
}
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' })

function read(env: Environment) {
  const warnings: string[] = []
  return { config: fromEnv(env, { onWarning: (text) => warnings.push(text) }), warnings }
}

/** The URL of a file, as the config has it signed, and the seconds that it lives. */
async function urlFor(env: Environment, key = 'users/42/a.pdf') {
  const assets = await openAssets(read(env).config)
  vi.setSystemTime(1_800_000_000_000)
  const { url, expiresAt } = await assets.downloadUrl(key)
  assets.close()
  return { url, seconds: expiresAt === null ? null : expiresAt.getTime() / 1000 - 1_800_000_000 }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

describe('fromEnv', () => {
  it('reads the variables of Granite Assets', async () => {
    const CF_PRIVATE_KEY = ecPrivatePem.replaceAll('\n', '\\n')
    const env = { ...bucket, ...cdn, CF_PRIVATE_KEY, ASSET_KEY_PREFIX: 'assets/', ASSET_PRESIGN_TTL_SECONDS: '7200' }
    const { config, warnings } = read(env)
    expect(config).toMatchObject({ backend: 's3', bucket: 'my-assets', region: 'eu-west-1', keyPrefix: 'assets' })
    expect(warnings).toEqual([expect.stringMatching(/^CF_PRIVATE_KEY is for development/)])
    const { url, seconds } = await urlFor(env)
    expect(url).toMatch(
      /^https:\/\/cdn\.example\.com\/assets\/users\/42\/a\.pdf\?Expires=\d+&Key-Pair-Id=K1&Signature=/,
    )
    expect(seconds).toBe(7200)
  })

  it('reads the variables of signed URLs in Lambda functions', async () => {
    const { url, seconds } = await urlFor({
      S3_BUCKET_DATA: 'my-assets',
      AWS_DEFAULT_REGION: 'eu-west-1',
      CLOUDFRONT_DOMAIN: 'https://d111.cloudfront.net/',
      CLOUDFRONT_KEY_PAIR_ID: 'K2',
      CLOUDFRONT_PRIVATE_KEY_PEM: pemFile,
      CLOUDFRONT_URL_EXPIRATION_MINUTES: '15',
    })
    expect(url).toMatch(/^https:\/\/d111\.cloudfront\.net\/users\/42\/a\.pdf\?.*Key-Pair-Id=K2/)
    expect(seconds).toBe(900)
  })

  it('reads no secret before the first signature', () => {
    const CF_PRIVATE_KEY_SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:keys'
    const { config, warnings } = read({ ...bucket, ...cdn, CF_PRIVATE_KEY_SECRET_ARN })
    expect(config.keys).toBeDefined()
    expect(warnings).toEqual([])
  })

  it('gives permanent URLs where they are unsigned', async () => {
    const env = { ...bucket, CDN_DOMAIN: 'cdn.example.com', CF_UNSIGNED_URLS: 'True' }
    expect(await urlFor(env)).toEqual({ url: 'https://cdn.example.com/users/42/a.pdf', seconds: null })
  })

  it('reads the variables of a single server', () => {
    const uploadSecret = 'A'.repeat(43)
    const env = { ...files, UPLOAD_SECRET: uploadSecret, TUSD_URL: 'http://localhost:1080/' }
    expect(read(env).config).toMatchObject({
      backend: 'files',
      storagePath: '/srv/assets',
      baseUrl: 'https://assets.example.com',
      linkSecret: files.SECURE_LINK_SECRET,
      uploadSecret,
      uploadUrl: 'http://localhost:1080/files/',
    })
  })

  it('takes an empty variable for an absent one, and two that agree', () => {
    const env = {
      ...bucket,
      S3_BUCKET_DATA: 'my-assets',
      AWS_DEFAULT_REGION: 'us-east-1',
      CF_KEY_ID: '',
      CDN_DOMAIN: '',
    }
    expect(read(env).config).toMatchObject({ bucket: 'my-assets', region: 'eu-west-1' })
    expect(read(env).config).not.toHaveProperty('publicBaseUrl')
    expect(read(env).config).not.toHaveProperty('keys')
  })

  it.each<[variable: string, env: Environment]>([
    ['ASSET_BUCKET', {}],
    ['ASSET_BUCKET', { ...bucket, ASSET_BUCKET: 'My_Bucket' }],
    ['S3_BUCKET_DATA', { S3_BUCKET_DATA: 'My_Bucket', AWS_REGION: 'eu-west-1' }],
    ['S3_BUCKET_DATA', { ...bucket, S3_BUCKET_DATA: 'other-assets' }],
    ['ASSET_STORAGE_PATH', { ...bucket, ...files }],
    ['ASSET_STORAGE_PATH', { ...files, ASSET_STORAGE_PATH: 'relative/folder' }],
    ['AWS_REGION', { ASSET_BUCKET: 'my-assets' }],
    ['AWS_REGION', { ...bucket, AWS_REGION: 'Europe' }],
    ['AWS_DEFAULT_REGION', { ASSET_BUCKET: 'my-assets', AWS_DEFAULT_REGION: 'Europe' }],
    ['CDN_DOMAIN', { ...bucket, CF_KEY_ID: 'K1', CF_PRIVATE_KEY: ecPrivatePem }],
    ['CDN_DOMAIN', { ...bucket, CDN_DOMAIN: 'http://cdn.example.com' }],
    ['CDN_DOMAIN', { ...bucket, CDN_DOMAIN: 'cdn.example.com/?a=b' }],
    ['CDN_DOMAIN', { ...bucket, CDN_DOMAIN: 'user@cdn.example.com' }],
    ['CDN_DOMAIN', { ...bucket, CF_UNSIGNED_URLS: 'true' }],
    ['CF_UNSIGNED_URLS', { ...bucket, CDN_DOMAIN: 'cdn.example.com', CF_UNSIGNED_URLS: 'yes' }],
    ['ASSET_KEY_PREFIX', { ...bucket, ASSET_KEY_PREFIX: '../other' }],
    ['ASSET_KEY_PREFIX', { ...bucket, ASSET_KEY_PREFIX: '/assets' }],
    ['ASSET_PRESIGN_TTL_SECONDS', { ...bucket, ASSET_PRESIGN_TTL_SECONDS: '0' }],
    ['ASSET_PRESIGN_TTL_SECONDS', { ...bucket, ASSET_PRESIGN_TTL_SECONDS: '1h' }],
    ['ASSET_PRESIGN_TTL_SECONDS', { ...bucket, ASSET_PRESIGN_TTL_SECONDS: '604801' }],
    ['CLOUDFRONT_URL_EXPIRATION_MINUTES', { ...bucket, CLOUDFRONT_URL_EXPIRATION_MINUTES: '1.5' }],
    ['CF_KEY_ID', { ...bucket, CDN_DOMAIN: 'cdn.example.com', CF_PRIVATE_KEY: ecPrivatePem }],
    ['CF_PRIVATE_KEY_SECRET_ARN', { ...bucket, ...cdn }],
    ['CF_PRIVATE_KEY', { ...bucket, ...cdn, CF_PRIVATE_KEY: ecPrivatePem, CLOUDFRONT_PRIVATE_KEY_PEM: pemFile }],
    ['CF_PRIVATE_KEY', { ...bucket, ...cdn, CF_PRIVATE_KEY: 'no PEM at all' }],
    ['CF_PRIVATE_KEY', { ...bucket, ...cdn, CF_PRIVATE_KEY: ecPrivatePem.slice(0, 90) }],
    ['CF_PRIVATE_KEY', { ...bucket, ...cdn, CF_PRIVATE_KEY: rsa1024.toString() }],
    ['CLOUDFRONT_PRIVATE_KEY_PEM', { ...bucket, ...cdn, CLOUDFRONT_PRIVATE_KEY_PEM: join(folder, 'absent.pem') }],
    ['ASSET_BASE_URL', { ...files, ASSET_BASE_URL: undefined }],
    ['ASSET_BASE_URL', { ...files, ASSET_BASE_URL: 'http://assets.example.com' }],
    ['SECURE_LINK_SECRET', { ...files, SECURE_LINK_SECRET: 'short' }],
    ['UPLOAD_SECRET', { ...files, UPLOAD_SECRET: 'short' }],
  ])('names %s, and quotes no value (environment %#)', (variable, env) => {
    let error: unknown
    try {
      read(env)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(ConfigError)
    const { message } = error as ConfigError
    expect(message.startsWith(`${variable}: `), message).toBe(true)
    const key = [ecPrivatePem, rsa1024.toString()]
      .flatMap((pem) => pem.split('\n'))
      .filter((line) => /^\w{20,}/.test(line))
    const secrets = [...key, env.SECURE_LINK_SECRET, env.UPLOAD_SECRET].filter((text) => text !== undefined)
    for (const secret of secrets) expect(message).not.toContain(secret)
  })
})
