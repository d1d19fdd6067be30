import { readFileSync } from 'node:fs'
import { ConfigError, ServiceError } from '../shared/errors.ts'
import { type AssetsConfig, isWholeSeconds, parseAssetsConfig } from './assets-config.ts'
import { optionsOf } from './input.ts'
import { keysFromPem, keysFromSecret, type SigningKeys } from './signing-keys.ts'

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** How an environment is read. */
export interface FromEnvOptions {
  /** Receives a line for each thing that should not stay so. Default: `console.warn`. */
  readonly onWarning?: (text: string) => void
}

/** Variables that mean the same; the first is the one to use. */
const names = {
  bucket: ['ASSET_BUCKET', 'S3_BUCKET_DATA'],
  region: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  cdn: ['CDN_DOMAIN', 'CLOUDFRONT_DOMAIN'],
  keyPairId: ['CF_KEY_ID', 'CLOUDFRONT_KEY_PAIR_ID'],
  secret: ['CF_PRIVATE_KEY_SECRET_ARN', 'CLOUDFRONT_PRIVATE_KEY_SECRET'],
  pem: ['CF_PRIVATE_KEY'],
  pemFile: ['CLOUDFRONT_PRIVATE_KEY_PEM'],
  keyPrefix: ['ASSET_KEY_PREFIX'],
  unsigned: ['CF_UNSIGNED_URLS'],
  distributionId: ['CLOUDFRONT_DISTRIBUTION_ID'],
  storagePath: ['ASSET_STORAGE_PATH'],
  baseUrl: ['ASSET_BASE_URL'],
  linkSecret: ['SECURE_LINK_SECRET'],
  uploadSecret: ['UPLOAD_SECRET'],
  tusdUrl: ['TUSD_URL'],
} as const

/** Lives of URLs, each with the seconds of one unit. */
const lives = [
  ['ASSET_PRESIGN_TTL_SECONDS', 1],
  ['CLOUDFRONT_URL_EXPIRATION_MINUTES', 60],
  ['S3_PRE_SIGNED_URL_EXPIRY_S', 1],
  ['S3_PRESIGNED_URL_EXPIRY_S', 1],
] as const

/**
 * Reads the config of assets from environment variables. `ASSET_BUCKET` makes the S3 backend, `ASSET_STORAGE_PATH` the files backend.
 *
 * @throws ConfigError naming the variable and what it should be, never its value.
 */
export function fromEnv(env: Environment, options: FromEnvOptions = {}): AssetsConfig {
  if (typeof env !== 'object' || env === null) throw wrong('env', 'must be an object such as process.env')
  const { onWarning = console.warn } = optionsOf(options)
  const read = (of: keyof typeof names) => readOne(env, names[of])
  const bucket = read('bucket')
  const storagePath = read('storagePath')
  if (bucket !== undefined && storagePath !== undefined)
    throw wrong('ASSET_STORAGE_PATH', 'and ASSET_BUCKET exclude each other: name the bucket or the folder')
  if (bucket === undefined && storagePath === undefined)
    throw wrong('ASSET_BUCKET', 'must name the bucket, or ASSET_STORAGE_PATH the folder of a single server')
  const keyPrefix = read('keyPrefix')?.replace(/\/$/, '')
  const ttlSeconds = readLife(env)
  const keys = readKeys(env, onWarning)
  const common = {
    onWarning,
    ...(keyPrefix === undefined ? {} : { keyPrefix }),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(keys === undefined ? {} : { keys }),
  }
  if (storagePath !== undefined) {
    const [uploadSecret, tusdUrl] = [read('uploadSecret'), read('tusdUrl')]
    const [baseUrl, linkSecret] = [
      need('ASSET_BASE_URL', read('baseUrl')),
      need('SECURE_LINK_SECRET', read('linkSecret')),
    ]
    return named(env, {
      backend: 'files',
      storagePath,
      baseUrl,
      linkSecret,
      ...common,
      ...(uploadSecret === undefined ? {} : { uploadSecret }),
      ...(tusdUrl === undefined ? {} : { uploadUrl: `${tusdUrl.replace(/\/$/, '')}/files/` }),
    })
  }
  const [cdn, unsigned, distributionId] = [read('cdn'), read('unsigned'), read('distributionId')]
  if (unsigned !== undefined && !/^(true|false)$/i.test(unsigned))
    throw wrong('CF_UNSIGNED_URLS', 'must be true or false')
  if (cdn === undefined && keys !== undefined) throw wrong('CDN_DOMAIN', 'is needed beside a signing key')
  const host = cdn?.replace(/^https:\/\//, '').replace(/\/$/, '')
  return named(env, {
    backend: 's3',
    bucket: need('ASSET_BUCKET', bucket),
    region: need('AWS_REGION', read('region')),
    ...common,
    // As Granite Assets has it: the key prefix is part of the URL.
    ...(host === undefined ? {} : { publicBaseUrl: `https://${[host, keyPrefix].filter(Boolean).join('/')}` }),
    ...(unsigned === undefined ? {} : { unsignedUrls: unsigned.toLowerCase() === 'true' }),
    ...(distributionId === undefined ? {} : { distributionId }),
  })
}

function readKeys(env: Environment, onWarning: (text: string) => void): SigningKeys | undefined {
  const [keyPairId, secretId] = [readOne(env, names.keyPairId), readOne(env, names.secret)]
  const [pem, pemFile] = [readOne(env, names.pem), readOne(env, names.pemFile)]
  const sources = [secretId, pem, pemFile].filter((source) => source !== undefined)
  if (sources.length > 1)
    throw wrong('CF_PRIVATE_KEY', 'CF_PRIVATE_KEY_SECRET_ARN and CLOUDFRONT_PRIVATE_KEY_PEM exclude each other')
  if (sources.length === 0 && keyPairId === undefined) return undefined
  if (sources.length === 0) throw wrong('CF_PRIVATE_KEY_SECRET_ARN', 'or CF_PRIVATE_KEY is needed beside CF_KEY_ID')
  if (secretId !== undefined) return keysFromSecret({ secretId, ...(keyPairId === undefined ? {} : { keyPairId }) })
  const id = need('CF_KEY_ID', keyPairId)
  const variable = pem === undefined ? 'CLOUDFRONT_PRIVATE_KEY_PEM' : 'CF_PRIVATE_KEY'
  if (pem !== undefined)
    onWarning('CF_PRIVATE_KEY is for development: the environment shows in consoles and crash reports')
  try {
    return keysFromPem({ keyPairId: id, privateKey: pem?.replaceAll('\\n', '\n') ?? readPem(pemFile ?? '') })
  } catch (error) {
    throw error instanceof ServiceError ? wrong(variable, `cannot sign: ${error.message}`) : error
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw wrong('CLOUDFRONT_PRIVATE_KEY_PEM', 'must be the path of a readable PEM file')
  }
}

/** The first that is set; an empty one counts as absent. Two that disagree are a mistake that nobody would find. */
function readOne(env: Environment, variables: readonly string[]): string | undefined {
  const set = variables.filter((name) => env[name] !== undefined && env[name] !== '')
  const [first, second] = set
  if (first === undefined) return undefined
  // A Region has a default of its own beside it.
  const disagree = second !== undefined && second !== 'AWS_DEFAULT_REGION' && env[second] !== env[first]
  if (disagree) throw wrong(second, `and ${first} name the same thing: set one`)
  const value: unknown = env[first]
  if (typeof value !== 'string') throw wrong(first, 'must be a text')
  return value
}

function readLife(env: Environment): number | undefined {
  for (const [name, unit] of lives) {
    const text = env[name]
    if (text === undefined || text === '') continue
    const seconds = /^[0-9]{1,9}$/.test(text) ? Number(text) * unit : Number.NaN
    if (!isWholeSeconds(seconds))
      throw wrong(name, `must be a whole number of ${unit === 1 ? 'seconds' : 'minutes'}, at most a week`)
    return seconds
  }
  return undefined
}

/** Checks the whole, and names the variable in place of the field. */
function named(env: Environment, config: AssetsConfig): AssetsConfig {
  try {
    parseAssetsConfig(config)
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [field = '', rule = ''] = error.message.split(/: (.*)/s)
    const variables: readonly string[] = fieldNames[field] ?? []
    throw wrong(variables.find((name) => env[name]) ?? variables[0] ?? field, rule)
  }
}

const fieldNames: Readonly<Record<string, readonly string[]>> = { ...names, publicBaseUrl: names.cdn }

function need(name: string, value: string | undefined): string {
  if (value === undefined) throw wrong(name, 'is not set')
  return value
}

function wrong(name: string, rule: string): ConfigError {
  return new ConfigError(`${name}: ${rule}`)
}
