import {
  formatManifest,
  isVersion,
  maxChunkBytes,
  maxChunks,
  parseManifest,
  sectorBytes,
} from '../../shared/chunked/manifest.ts'
import { printErrorLine, printJson, printLines } from '../print.ts'
import { awsDefaults, type ClientSettings } from '../stage/aws-clients.ts'
import type { Terminal } from '../terminal.ts'
import { exitCodes, UsageError } from '../usage-error.ts'
import { createProgress, noProgress, type Progress, showBytes } from './progress.ts'
import { publishFile } from './publish.ts'
import { openSourceFile } from './source-file.ts'
import { openTarget, parseFolder, type TargetOptions } from './target.ts'
import { verifyVersion } from './verify.ts'
import { type CdnCredentials, cdnSource, storeSource, type VersionSource } from './version-source.ts'

interface OutputOptions {
  readonly quiet?: boolean
  readonly json?: boolean
}

/** Options of `edge-signer publish`. */
export interface PublishOptions extends TargetOptions, OutputOptions {
  readonly chunkSize?: string
  readonly contentType?: string
  readonly imageId?: string
  readonly pad?: boolean
}

/** Options of `edge-signer verify`. */
export interface VerifyOptions extends TargetOptions, OutputOptions, CdnCredentials {
  /** Version name; default: the newest. */
  readonly release?: string
}

/** Faults that are printed; JSON has more. */
const shownFaults = 20

/**
 * Publishes a file in its chunked form below a prefix.
 *
 * @returns the exit status.
 * @throws UsageError; EdgeSignerError `ERR_FILE_CHANGED`; errors of the store.
 */
export async function runPublish(
  path: string,
  prefix: string,
  options: PublishOptions,
  terminal: Terminal,
  settings: ClientSettings = awsDefaults,
): Promise<number> {
  const file = await openSourceFile(path, options.pad ?? false)
  try {
    const chunkSize = parseChunkSize(options.chunkSize, file.totalSize)
    const mimeType = options.contentType ?? 'application/octet-stream'
    const { imageId } = options
    requireTexts(mimeType, imageId)
    const target = await openTarget(options, terminal, settings)
    const progress = progressOf(options, terminal)
    try {
      const folder = parseFolder(prefix, target.store)
      const published = await publishFile(file, { folder, chunkSize, mimeType, imageId }, target, progress)
      const { manifest, manifestKey, latestKey, uploadedChunks, presentChunks } = published
      const { version, totalSize, chunkCount } = manifest
      progress.end()
      const facts = { version, manifestKey, latestKey, totalSize, chunkSize, chunkCount, uploadedChunks, presentChunks }
      if (options.json) printJson(terminal, facts)
      else if (!options.quiet)
        printLines(terminal, [
          `${showBytes(totalSize)} in ${chunkCount} chunks of ${showBytes(chunkSize)}: ${uploadedChunks} uploaded, ${presentChunks} already there`,
          `version   ${version}`,
          `manifest  ${manifestKey}`,
          `newest    ${latestKey}`,
        ])
      return exitCodes.granted
    } finally {
      progress.end()
      target.close()
    }
  } finally {
    await file.close()
  }
}

/**
 * Reads a chunked file back, from the store or over the CDN, and reports what is wrong.
 *
 * @param where a prefix of the store, or `https://…`.
 * @returns the exit status: 1 if anything is wrong.
 * @throws UsageError; ManifestError; errors of the store or the CDN.
 */
export async function runVerify(
  where: string,
  options: VerifyOptions,
  terminal: Terminal,
  settings: ClientSettings = awsDefaults,
): Promise<number> {
  const { release } = options
  if (release !== undefined && !isVersion(release))
    throw new UsageError('--release must be the name of a version: letters, digits and ._-')
  const source = await openSource(where, options, terminal, settings)
  const progress = progressOf(options, terminal)
  try {
    const { manifest, faultCount, faults, unhashed } = await verifyVersion(source, release, progress)
    progress.end()
    const { version, totalSize, chunkCount } = manifest
    if (options.json) printJson(terminal, { version, totalSize, chunkCount, unhashed, faultCount, faults })
    else {
      for (const { name, problem } of faults.slice(0, shownFaults)) printErrorLine(terminal, `${name}: ${problem}`)
      if (faultCount > shownFaults) printErrorLine(terminal, `… and ${faultCount - shownFaults} more`)
      const size = `${version}: ${showBytes(totalSize)} in ${chunkCount} chunks`
      const hashes = unhashed === 0 ? '' : `, ${unhashed} of them without a hash in the manifest`
      if (!options.quiet || faultCount > 0)
        printLines(terminal, [faultCount === 0 ? `${size}, all as published${hashes}` : `${size}, ${faultCount} wrong`])
    }
    return faultCount === 0 ? exitCodes.granted : exitCodes.refused
  } finally {
    progress.end()
    source.close()
  }
}

async function openSource(
  where: string,
  { jar, cookie, session, ...options }: VerifyOptions,
  terminal: Terminal,
  settings: ClientSettings,
): Promise<VersionSource> {
  const given = Object.entries({ jar, cookie, session }).filter(([, value]) => value !== undefined)
  if (/^https?:\/\//i.test(where)) {
    if (options.env || options.stage !== undefined || options.content !== undefined)
      throw new UsageError('a URL is read over the CDN: --stage, --content and --env are for a prefix')
    return cdnSource(where, Object.fromEntries(given), terminal)
  }
  if (given.length > 0) throw new UsageError('--jar, --cookie and --session are for a URL, not for a prefix')
  const target = await openTarget(options, terminal, settings)
  try {
    return storeSource(target, parseFolder(where, target.store))
  } catch (error) {
    target.close()
    throw error
  }
}

function progressOf({ quiet, json }: OutputOptions, terminal: Terminal): Progress {
  return quiet || json ? noProgress : createProgress(terminal, () => performance.now())
}

const units: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2 }
const defaultChunkBytes = 4 * 1024 ** 2

/** The default grows with the file, so that 500,000 chunks suffice. */
function parseChunkSize(text: string | undefined, totalSize: number): number {
  let size = defaultChunkBytes
  if (text === undefined) while (size < maxChunkBytes && totalSize / size > maxChunks) size *= 2
  else {
    const match = /^(\d{1,10})(KiB|MiB|)$/.exec(text)
    size = Number(match?.[1] ?? 0) * (units[match?.[2] ?? ''] ?? 0)
    if (!(size >= sectorBytes && size <= maxChunkBytes && size % sectorBytes === 0))
      throw new UsageError('--chunk-size must be a multiple of 512 bytes up to 64MiB, such as 1MiB')
  }
  if (Math.ceil(totalSize / size) > maxChunks)
    throw new UsageError(`the file has more than ${maxChunks} chunks of that size: choose a larger --chunk-size`)
  return size
}

/** The format's own rules, before anything is hashed. */
function requireTexts(mimeType: string, imageId: string | undefined): void {
  const sizes = { totalSize: 512, chunkSize: 512, chunkCount: 1, chunkIndexWidth: 8, sha256: [] }
  parseManifest(formatManifest({ ...sizes, mimeType, imageId, version: 'checked' }))
}
