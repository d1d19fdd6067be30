import {
  type ChunkedManifest,
  chunkLength,
  chunkName,
  ManifestError,
  maxLatestBytes,
  maxManifestBytes,
  parseLatest,
  parseManifest,
} from '../../shared/chunked/manifest.ts'
import { AssetError } from '../../shared/errors.ts'
import type { Progress } from './progress.ts'
import { inLanes, lanesFor, sha256Of, versionOf } from './publish.ts'
import type { VersionSource } from './version-source.ts'

/** Outcome of a verification. */
export interface Verified {
  readonly manifest: ChunkedManifest
  /** Number of wrong things; `faults` holds the first of them. */
  readonly faultCount: number
  readonly faults: readonly Fault[]
  /** Chunks that the manifest has no hash of: only their sizes were compared. */
  readonly unhashed: number
}

/** One thing that is wrong. */
export interface Fault {
  /** Name below the prefix. */
  readonly name: string
  readonly problem: string
}

/** Max faults that are kept: a version without its chunks has as many as it had chunks. */
const maxFaults = 1000

/**
 * Reads a version back and compares every size and hash.
 *
 * @param version default: the one that `latest.json` names.
 * @throws ManifestError if `latest.json` or the manifest is missing or wrong; errors of the source.
 */
export async function verifyVersion(
  source: VersionSource,
  version: string | undefined,
  progress: Progress,
): Promise<Verified> {
  const named = version ?? parseLatest(await readDocument(source, 'latest.json', maxLatestBytes)).version
  const manifest = parseManifest(await readDocument(source, `${named}/manifest.json`, maxManifestBytes))
  const faults: Fault[] = []
  let faultCount = 0
  const report = (name: string, problem: string) => {
    faultCount++
    if (faults.length < maxFaults) faults.push({ name: `${named}/${name}`, problem })
  }
  if (manifest.version !== named) report('manifest.json', 'names another version than its folder')
  else if (/^m-[0-9a-f]{64}$/.test(named) && versionOf(manifest) !== named)
    report('manifest.json', 'was changed: its version is no hash of it')
  const { chunkCount, chunkSize, totalSize, sha256 } = manifest
  progress.begin('Verifying', totalSize)
  await inLanes(chunkCount, lanesFor(chunkSize), async (index) => {
    const size = chunkLength(manifest, index)
    const problem = await problemOf(source, `${named}/${chunkName(manifest, index)}`, size, sha256[index])
    if (problem !== undefined) report(chunkName(manifest, index), problem)
    progress.add(size)
  })
  for await (const name of source.list?.(`${named}/chunks`) ?? []) {
    const short = name.slice(named.length + 1)
    const index = /^chunks\/(\d+)\.bin$/.exec(short)?.[1]
    const isKnown = index !== undefined && Number(index) < chunkCount && chunkName(manifest, Number(index)) === short
    if (!isKnown) report(short, 'is no chunk of the manifest')
  }
  const unhashed = sha256.length === 0 ? chunkCount : sha256.filter((hash) => hash === undefined).length
  // Lanes finish in any order.
  return { manifest, faultCount, faults: faults.sort((a, b) => (a.name < b.name ? -1 : 1)), unhashed }
}

async function problemOf(
  source: VersionSource,
  name: string,
  size: number,
  sha256: string | undefined,
): Promise<string | undefined> {
  let bytes: Uint8Array | undefined
  try {
    bytes = await source.read(name, size)
  } catch (error) {
    if (!(error instanceof AssetError)) throw error
    return error.code === 'ERR_TOO_LARGE' ? `has more than its ${size} bytes` : error.message
  }
  if (bytes === undefined) return 'is missing'
  if (bytes.length !== size) return `has ${bytes.length} of its ${size} bytes`
  if (sha256 !== undefined && (await sha256Of(bytes)).toString('hex') !== sha256) return 'has other bytes than its hash'
  return undefined
}

async function readDocument(source: VersionSource, name: string, maxBytes: number): Promise<string> {
  let bytes: Uint8Array | undefined
  try {
    bytes = await source.read(name, maxBytes)
  } catch (error) {
    if (error instanceof AssetError && error.code === 'ERR_TOO_LARGE')
      throw new ManifestError('text', `${name} must have at most ${maxBytes} bytes`)
    throw error
  }
  if (bytes === undefined) throw new ManifestError('text', `there is no ${name}: the file is not published there`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ManifestError('text', `${name} must be UTF-8`)
  }
}
