import { EdgeSignerError } from '../errors.ts'

/**
 * The chunked form of a file: equal pieces as separate objects, and a manifest that describes them.
 *
 *     users/alice/disk/latest.json                          the newest version, short-lived
 *     users/alice/disk/<version>/manifest.json              immutable, written after the chunks
 *     users/alice/disk/<version>/chunks/00000000.bin …      immutable
 *
 * The parser takes text that anybody may have written. It depends on nothing, so that a browser can have the same one:
 * `test/unit/fixtures/chunked-manifests.json` holds the texts on which all parsers must agree.
 */

/** `schema` of a manifest. */
export const manifestSchema = 'aero.chunked-disk-image.v1'
/** `schema` of `latest.json`. */
export const latestSchema = 'aero.chunked-disk-image.latest.v1'

/** Sizes are multiples of a disk's sector, in bytes. */
export const sectorBytes = 512
export const maxChunkBytes = 64 * 1024 ** 2
export const maxChunks = 500_000
/** Max bytes of a manifest: 500,000 chunks with size and hash have about 48 MB. */
export const maxManifestBytes = 64 * 1024 ** 2
/** Max bytes of `latest.json`. */
export const maxLatestBytes = 64 * 1024
/** 2^53 - 512: the largest multiple of a sector that a JSON number holds exactly. */
const maxTotalSize = Number.MAX_SAFE_INTEGER - (sectorBytes - 1)

/** A manifest after every check. */
export interface ChunkedManifest {
  readonly imageId: string | undefined
  /** One path segment. */
  readonly version: string
  readonly mimeType: string
  /** Bytes. */
  readonly totalSize: number
  /** Bytes of each chunk but the last. */
  readonly chunkSize: number
  readonly chunkCount: number
  /** Digits of a chunk's number in its name. */
  readonly chunkIndexWidth: number
  /** Lower-case hexadecimal SHA-256 of each chunk. Empty if the manifest has no chunk list; `undefined` for a chunk without one. */
  readonly sha256: readonly (string | undefined)[]
}

/** `latest.json` after every check. */
export interface LatestVersion {
  readonly imageId: string | undefined
  readonly version: string
}

/** A manifest or `latest.json` that cannot be used. `field` is a name of the format, never a part of the text. */
export class ManifestError extends EdgeSignerError {
  override readonly name = 'ManifestError'
  readonly field: string

  constructor(field: string, rule: string) {
    super('ERR_MANIFEST', `manifest, ${field}: ${rule}`)
    this.field = field
  }
}

/**
 * Parses a manifest. Fields that the format does not have are ignored.
 *
 * @throws ManifestError naming the first wrong field; `text` if it is too long, no JSON, nested, or names a member twice.
 */
export function parseManifest(text: string): ChunkedManifest {
  const fields = parseFields(text, maxManifestBytes, manifestSchema)
  const version = parseVersion(fields.version)
  const mimeType = fields.mimeType
  if (typeof mimeType !== 'string' || !/^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(mimeType))
    throw new ManifestError('mimeType', 'must be a media type such as application/octet-stream')
  const totalSize = parseSize('totalSize', fields.totalSize, maxTotalSize)
  const chunkSize = parseSize('chunkSize', fields.chunkSize, maxChunkBytes)
  const { chunkCount, chunkIndexWidth = 8 } = fields
  if (!isWhole(chunkCount, 1, maxChunks)) throw new ManifestError('chunkCount', `must be from 1 to ${maxChunks}`)
  if (chunkCount !== Math.ceil(totalSize / chunkSize))
    throw new ManifestError('chunkCount', 'must be totalSize divided by chunkSize, rounded up')
  // With fewer digits than the last number has, names would not be in the order of the chunks.
  if (!isWhole(chunkIndexWidth, String(chunkCount - 1).length, 32))
    throw new ManifestError('chunkIndexWidth', 'must hold the number of the last chunk, and be at most 32')
  const manifest = { imageId: parseImageId(fields.imageId), version, mimeType, totalSize, chunkSize, chunkCount }
  return { ...manifest, chunkIndexWidth, sha256: parseChunks(fields.chunks, manifest) }
}

/** Parses `latest.json`. The manifest is the one of its version, beside it; a key in the text is not followed. @throws ManifestError */
export function parseLatest(text: string): LatestVersion {
  const fields = parseFields(text, maxLatestBytes, latestSchema)
  return { version: parseVersion(fields.version), imageId: parseImageId(fields.imageId) }
}

/** Bytes of a chunk by its number, from 0. */
export function chunkLength({ totalSize, chunkSize, chunkCount }: ChunkSizes, index: number): number {
  return index < chunkCount - 1 ? chunkSize : totalSize - (chunkCount - 1) * chunkSize
}

type ChunkSizes = Pick<ChunkedManifest, 'totalSize' | 'chunkSize' | 'chunkCount'>

/** Name of a chunk below its version: `chunks/00000000.bin`. */
export function chunkName({ chunkIndexWidth }: Pick<ChunkedManifest, 'chunkIndexWidth'>, index: number): string {
  return `chunks/${String(index).padStart(chunkIndexWidth, '0')}.bin`
}

/** Writes a manifest; `parseManifest` returns the same one. Two equal manifests have the same text. */
export function formatManifest(manifest: ChunkedManifest): string {
  const { imageId, version, mimeType, totalSize, chunkSize, chunkCount, chunkIndexWidth } = manifest
  const chunks = manifest.sha256.map((sha256, index) => ({ size: chunkLength(manifest, index), sha256 }))
  return JSON.stringify({
    schema: manifestSchema,
    imageId,
    version,
    mimeType,
    totalSize,
    chunkSize,
    chunkCount,
    chunkIndexWidth,
    chunks: chunks.length === 0 ? undefined : chunks,
  })
}

function parseFields(text: string, maxBytes: number, schema: string): Record<string, unknown> {
  const refuse = (rule: string) => {
    throw new ManifestError('text', rule)
  }
  if (text.length > maxBytes) refuse(`must have at most ${maxBytes} bytes`)
  refuseUnboundedJson(text, refuse)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    refuse('must be JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('must be a JSON object')
  const fields = value as Record<string, unknown>
  if (fields.schema !== schema) throw new ManifestError('schema', `must be ${schema}`)
  return fields
}

/** Returns true for the name of a version: a segment of a path that no URL, file system or policy reads otherwise. */
export function isVersion(value: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(value)
}

function parseVersion(value: unknown): string {
  if (typeof value === 'string' && isVersion(value)) return value
  throw new ManifestError('version', 'must be letters, digits and ._-, at most 128, not beginning with a dot')
}

function parseImageId(value: unknown): string | undefined {
  if (value === undefined) return undefined
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (typeof value === 'string' && /^[^\u0000-\u001f\u007f]{1,256}$/.test(value)) return value
  throw new ManifestError('imageId', 'must be a text of 1 to 256 characters without control characters')
}

function parseSize(field: 'totalSize' | 'chunkSize', value: unknown, max: number): number {
  if (isWhole(value, 1, max) && value % sectorBytes === 0) return value
  throw new ManifestError(field, `must be a multiple of ${sectorBytes} from ${sectorBytes} to ${max}`)
}

function parseChunks(value: unknown, sizes: ChunkSizes): (string | undefined)[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length !== sizes.chunkCount)
    throw new ManifestError('chunks', 'must be a list of chunkCount entries')
  return value.map((entry: unknown, index) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw new ManifestError('chunks', 'each entry must be an object')
    const { size, sha256 } = entry as { readonly size?: unknown; readonly sha256?: unknown }
    if (size !== undefined && size !== chunkLength(sizes, index))
      throw new ManifestError('chunks.size', `chunk ${index} must have the size that totalSize and chunkSize give it`)
    if (sha256 === undefined) return undefined
    if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)) return sha256
    throw new ManifestError('chunks.sha256', `of chunk ${index} must be 64 lower-case hexadecimal digits`)
  })
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}

/**
 * A look at a manifest's text before it is parsed. 64 MB of `{},{},…` become gigabytes of objects in `JSON.parse`, and of two
 * members with one name it keeps the last, where other parsers keep the first. One pass over the characters, without objects for
 * values, finds both. Text that is no JSON is left to `JSON.parse`.
 *
 * Bounds: four levels (manifest, chunks, chunk, and one for a field of later versions), and as many values as 500,000 chunks with
 * four members have.
 */
const maxDepth = 4
const maxValues = 2_000_100

/**
 * Refuses a text that is too deep, has too many values, or an object with the same member twice.
 *
 * @param refuse throws the caller's error.
 */
function refuseUnboundedJson(text: string, refuse: (rule: string) => void): void {
  /** Names of each open object; `undefined` for a list. */
  const open: (Set<string> | undefined)[] = []
  let values = 0
  let expectsName = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === quote) {
      const end = endOfString(text, at)
      if (expectsName) addName(open.at(-1), text.slice(at + 1, end), refuse)
      expectsName = false
      at = end
    } else if (char === openBrace || char === openBracket) {
      if (open.length === maxDepth) refuse(`must have at most ${maxDepth} levels`)
      open.push(char === openBrace ? new Set() : undefined)
      expectsName = char === openBrace
    } else if (char === closeBrace || char === closeBracket) {
      open.pop()
      expectsName = false
    } else if (char === comma) {
      values++
      if (values > maxValues) refuse(`must have at most ${maxValues} values`)
      expectsName = open.at(-1) !== undefined
    }
  }
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

/** Position of the closing quote; the end of the text if there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    const end = text.indexOf('"', at)
    if (end < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end
    at = end + 1
  }
}

function addName(names: Set<string> | undefined, name: string, refuse: (rule: string) => void): void {
  // An escape could spell a second name like the first one.
  if (name.includes('\\')) refuse('must have names without escapes')
  if (names?.has(name)) refuse('must not name a member twice')
  names?.add(name)
}
