import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AssetPage, AssetSummary } from '../../shared/assets/asset-store.ts'
import { type KeyPrefix, type ObjectKey, parseObjectKey } from '../../shared/assets/object-key.ts'
import { AssetError } from '../../shared/errors.ts'
import { unlessMissing } from './faults.ts'
import { readFacts } from './fingerprint.ts'
import { assetPath, type LocalLocation } from './location.ts'

/**
 * One page of the assets below a prefix. The cursor is the last key of the page before, so it never expires.
 *
 * @throws AssetError `ERR_CURSOR`.
 */
export async function listFiles(
  location: LocalLocation,
  prefix: KeyPrefix,
  limit: number,
  cursor?: string,
): Promise<AssetPage> {
  const after = cursor === undefined ? undefined : readCursor(cursor)
  if (after !== undefined && !after.startsWith(prefix)) throw new AssetError('ERR_CURSOR')
  const assets: AssetSummary[] = []
  for await (const asset of walk(location, prefix, after)) {
    // One more than the page holds: only then is there another page.
    if (assets.length === limit) return { assets, cursor: Buffer.from(assets.at(-1)?.key ?? '').toString('base64url') }
    assets.push(asset)
  }
  return { assets, cursor: undefined }
}

/** The bytes of all assets below a prefix. */
export async function usageBelow(location: LocalLocation, prefix: KeyPrefix): Promise<number> {
  let bytes = 0
  for await (const { size } of walk(location, prefix, undefined)) bytes += size
  return bytes
}

/** Every asset below a prefix and behind a key, in the order of the keys' UTF-8 bytes. */
async function* walk(
  location: LocalLocation,
  prefix: KeyPrefix,
  after: string | undefined,
): AsyncGenerator<AssetSummary> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  yield* walkFolder(location, folder, (path) => {
    const below = path.startsWith(prefix) || (path.endsWith('/') && prefix.startsWith(path))
    return below && (after === undefined || isBehind(path, after))
  })
}

async function* walkFolder(
  location: LocalLocation,
  folder: string,
  isWanted: (path: string) => boolean,
): AsyncGenerator<AssetSummary> {
  const entries = (await unlessMissing(readdir(join(location.content, folder), { withFileTypes: true }))) ?? []
  // A folder counts with its slash: `b-1` comes before `b/c`.
  const paths = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .filter(isWanted)
  for (const path of paths.sort(compareBytes)) {
    if (path.endsWith('/')) yield* walkFolder(location, path, isWanted)
    else yield* summaryOf(location, path)
  }
}

/** Files that no key of ours can name, and those of the service, are left out. */
async function* summaryOf(location: LocalLocation, path: string): AsyncGenerator<AssetSummary> {
  let key: ObjectKey
  try {
    key = parseObjectKey(path)
  } catch {
    return
  }
  const facts = await readFacts(assetPath(location, key))
  if (facts !== undefined) yield { key, size: facts.size, etag: facts.etag, lastModified: facts.lastModified }
}

function isBehind(path: string, after: string): boolean {
  return path.endsWith('/') && after.startsWith(path) ? true : compareBytes(path, after) > 0
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function readCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString('utf8')
  if (key === '' || Buffer.from(key).toString('base64url') !== cursor) throw new AssetError('ERR_CURSOR')
  return key
}
