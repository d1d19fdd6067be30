import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { deploymentOf } from '../../infra/load-deployment.ts'
import { openBackend } from '../../package/asset-backends.ts'
import { type AssetsConfig, parseAssetsConfig } from '../../package/assets-config.ts'
import { fromEnv } from '../../package/environment.ts'
import type { AssetStore, AssetSummary, CdnInvalidation } from '../../shared/assets/asset-store.ts'
import { type KeyPrefix, type ObjectKey, parseKeyPrefix, parseObjectKey } from '../../shared/assets/object-key.ts'
import { AssetError, EdgeSignerError } from '../../shared/errors.ts'
import { printErrorLine } from '../print.ts'
import type { ClientSettings } from '../stage/aws-clients.ts'
import { partsOf, readStack, requireOutput } from '../stage/deployed-stage.ts'
import { defaultStateDirectory } from '../stage/local-stage.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** Options that say where a chunked file lies. */
export interface TargetOptions {
  readonly stage?: string
  /** Deployment parameters, `name=value`. */
  readonly param?: readonly string[]
  /** Folder of a single server's content, instead of a deployed bucket. */
  readonly content?: string
  /** Folder of its uploads; default: beside the content. */
  readonly uploads?: string
  /** Use the environment variables of the library, instead of a stage. */
  readonly env?: boolean
}

/** A store that is open for reading and writing. */
export interface PublishTarget {
  readonly store: AssetStore
  readonly cdn: CdnInvalidation
  read(key: ObjectKey): Promise<AsyncIterable<Uint8Array> | undefined>
  close(): void
}

/**
 * Opens the bucket of a deployed stage, the content of the local stage or of a single server, or the store that the environment
 * names.
 *
 * @throws UsageError; ConfigError; CredentialsError; LocalError where a folder cannot be used.
 */
export async function openTarget(
  options: TargetOptions,
  terminal: Terminal,
  settings: ClientSettings,
): Promise<PublishTarget> {
  return openBackend(parseAssetsConfig(await configOf(options, terminal, settings)))
}

async function configOf(options: TargetOptions, terminal: Terminal, settings: ClientSettings): Promise<AssetsConfig> {
  const { stage = 'local', param, content, uploads, env = false } = options
  const onWarning = (line: string) => printErrorLine(terminal, `warning: ${line}`)
  if (env) {
    if (content !== undefined || options.stage !== undefined)
      throw new UsageError('--env excludes --stage and --content: the environment names the store')
    return fromEnv(terminal.env, { onWarning })
  }
  if (uploads !== undefined && content === undefined) throw new UsageError('--uploads needs --content')
  const deployment = deploymentOf(stage, param)
  const { keyPrefix } = deployment.config
  if (content === undefined && stage !== 'local') {
    const stack = await readStack(deployment, settings)
    const { bucket, bucketRegion } = partsOf(stack)
    const distributionId = requireOutput(stack, 'DistributionId')
    const isEmulated = settings.endpoint !== undefined
    const s3 = isEmulated ? { ...settings, region: bucketRegion, forcePathStyle: true } : {}
    const cdn = isEmulated ? {} : { distributionId }
    return { backend: 's3', bucket, region: bucketRegion, keyPrefix, s3, onWarning, ...cdn }
  }
  const folder = resolve(content ?? join(dirname(defaultStateDirectory), 'content'))
  // A folder that is missing is a typing error, or a stage that was never started.
  const found = await stat(folder).catch(() => undefined)
  if (found?.isDirectory() !== true)
    throw new UsageError(
      content === undefined ? 'there is no local stage yet: run npm start' : '--content must be an existing folder',
    )
  return {
    backend: 'files',
    storagePath: folder,
    keyPrefix,
    onWarning,
    ...(uploads === undefined ? {} : { uploadsPath: resolve(uploads) }),
    // No link is made here: a secret that nobody else has, and an origin that nobody asks.
    baseUrl: 'https://localhost',
    linkSecret: randomBytes(32).toString('base64url'),
  }
}

/** Longest name below the prefix: a version of 128 characters, the number of a chunk and the rest. */
const reservedLength = 128 + 32 + '//chunks/.bin'.length

/**
 * Parses the prefix of a chunked file: `users/alice/disk` or `/users/alice/disk/`.
 *
 * @throws UsageError
 */
export function parseFolder(text: string, store: Pick<AssetStore, 'maxKeyLength'>): KeyPrefix {
  const body = text.replace(/^\//, '').replace(/\/$/, '')
  try {
    if (!body.includes('/')) throw new AssetError('ERR_KEY_INVALID')
    return parseKeyPrefix(`${body}/`, store.maxKeyLength - reservedLength)
  } catch (error) {
    if (!(error instanceof EdgeSignerError)) throw error
    throw new UsageError(
      'the prefix must be a folder such as users/alice/disk, not percent-encoded, with two segments or more',
    )
  }
}

/** Key of a name below a folder. */
export function keyBelow(folder: KeyPrefix, name: string): ObjectKey {
  return parseObjectKey(folder + name)
}

/** Yields every asset below a folder, page by page. */
export async function* assetsBelow(store: Pick<AssetStore, 'list'>, folder: ObjectKey): AsyncGenerator<AssetSummary> {
  let cursor: string | undefined
  do {
    const page = await store.list(`${folder}/` as KeyPrefix, 1000, cursor)
    yield* page.assets
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** Joins pieces. @throws AssetError `ERR_TOO_LARGE` as soon as they are more than `maxBytes`. */
export async function collectPieces(pieces: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const all: Uint8Array[] = []
  let size = 0
  for await (const piece of pieces) {
    size += piece.length
    if (size > maxBytes) throw new AssetError('ERR_TOO_LARGE')
    all.push(piece)
  }
  return Buffer.concat(all, size)
}
