import { type BoundedImage, bytesOf, ImageError, type ImageListing, limits, listEntries, piecesOf } from './image.ts'

/**
 * ISO 9660 (ECMA-119) with its two extensions for long names. Rock Ridge (IEEE P1282) adds fields to the records of the primary
 * tree; Joliet is a second tree whose names are UTF-16. Rock Ridge is preferred, because it keeps names as they were.
 */

const sector = 2048
/** Volume descriptors that are looked at. */
const maxDescriptors = 32

interface Volume {
  readonly blockSize: number
  readonly root: DirectoryRecord
  readonly isJoliet: boolean
}

interface Extent {
  readonly offset: number
  readonly length: number
}

interface DirectoryRecord {
  readonly extent: Extent
  readonly flags: number
  readonly name: Uint8Array
  /** The "system use" field, in which Rock Ridge lies. */
  readonly systemUse: DataView
}

/** Flags of a record (ECMA-119, 9.1.6). */
const [isDirectory, isContinued] = [0x02, 0x80]

/** Returns whether an image begins like ISO 9660. */
export async function isIso9660(image: BoundedImage): Promise<boolean> {
  if (image.size < 17 * sector) return false
  return isDescriptor(await image.read(16 * sector, 6))
}

/** Lists an image. @throws ImageError */
export async function listIso9660(image: BoundedImage): Promise<ImageListing> {
  const volumes = await readVolumes(image)
  const primary = volumes.find(({ isJoliet }) => !isJoliet)
  const skip = primary && (await rockRidgeSkip(image, primary))
  const volume = skip === undefined ? (volumes.find(({ isJoliet }) => isJoliet) ?? primary) : primary
  if (volume === undefined) throw new ImageError('damaged', 'the image has no primary volume')
  const list = listEntries()
  /** Every folder is visited once: a folder that holds itself would never end. */
  const seen = new Set([volume.root.extent.offset])
  const open: { readonly path: string; readonly extent: Extent }[] = [{ path: '', extent: volume.root.extent }]
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    let parts: Extent[] = []
    for (const record of await readRecords(image, folder.extent, volume.blockSize)) {
      parts.push(record.extent)
      // A file above 4 GiB has a record for each of its parts.
      if ((record.flags & isContinued) !== 0) continue
      const extents = parts
      parts = []
      const ridge = skip === undefined ? undefined : await readRockRidge(image, record, skip, volume.blockSize)
      if (ridge?.isRelocated) continue
      const name = ridge?.name ?? (volume.isJoliet ? ucs2Name(record.name) : plainName(record.name))
      if (ridge?.child !== undefined || (record.flags & isDirectory) !== 0) {
        const extent =
          ridge?.child === undefined ? record.extent : await selfExtent(image, ridge.child, volume.blockSize)
        const path = list.add(folder.path, name, { isFolder: true, size: 0, extract: () => piecesOf(image, 0, 0) })
        if (path === undefined) continue
        if (seen.has(extent.offset))
          throw new ImageError('loop', 'a folder of the image is in itself, or in two others')
        seen.add(extent.offset)
        open.push({ path, extent })
      } else {
        const size = extents.reduce((sum, { length }) => sum + length, 0)
        list.add(folder.path, name, { isFolder: false, size, extract: () => extentPieces(image, extents) })
      }
    }
  }
  const format = skip === undefined ? (volume.isJoliet ? 'ISO 9660, Joliet' : 'ISO 9660') : 'ISO 9660, Rock Ridge'
  return { format, entries: list.entries, skipped: list.skipped }
}

async function* extentPieces(image: BoundedImage, extents: readonly Extent[]): AsyncIterable<Uint8Array> {
  for (const { offset, length } of extents) yield* piecesOf(image, offset, length)
}

function isDescriptor(view: DataView): boolean {
  return String.fromCharCode(...bytesOf(view, 1, 6)) === 'CD001'
}

async function readVolumes(image: BoundedImage): Promise<Volume[]> {
  const volumes: Volume[] = []
  for (let index = 0; index < maxDescriptors; index++) {
    // Type, identifier, escape sequences, block size and the root's record: less than a tenth of the sector.
    const view = await image.read((16 + index) * sector, 190)
    const type = view.getUint8(0)
    if (!isDescriptor(view) || type === 255) break
    if (type !== 1 && type !== 2) continue
    const isJoliet = type === 2 && /^%\/[@CE]/.test(String.fromCharCode(...bytesOf(view, 88, 91)))
    if (type === 2 && !isJoliet) continue
    const blockSize = view.getUint16(128, true)
    if (![512, 1024, 2048].includes(blockSize)) throw new ImageError('damaged', 'the block size is none of ISO 9660')
    const root = parseRecord(view, 156, blockSize)
    if (root !== undefined) volumes.push({ blockSize, root, isJoliet })
  }
  return volumes
}

/** Parses the record at a position; `undefined` if it is damaged. */
function parseRecord(view: DataView, at: number, blockSize: number): DirectoryRecord | undefined {
  const length = at < view.byteLength ? view.getUint8(at) : 0
  if (length < 34 || at + length > view.byteLength) return undefined
  const nameLength = view.getUint8(at + 32)
  const systemUse = at + 33 + nameLength + (nameLength % 2 === 0 ? 1 : 0)
  if (33 + nameLength > length) return undefined
  const skipped = view.getUint8(at + 1)
  const start = Math.min(systemUse, at + length)
  return {
    extent: { offset: (view.getUint32(at + 2, true) + skipped) * blockSize, length: view.getUint32(at + 10, true) },
    flags: view.getUint8(at + 25),
    name: bytesOf(view, at + 33, at + 33 + nameLength),
    systemUse: new DataView(view.buffer, view.byteOffset + start, at + length - start),
  }
}

/** The records of a folder, without those of itself and its parent. */
async function readRecords(image: BoundedImage, extent: Extent, blockSize: number): Promise<DirectoryRecord[]> {
  const view = await image.readDirectory(extent.offset, extent.length)
  const records: DirectoryRecord[] = []
  for (let at = 0; at < view.byteLength; ) {
    const length = view.getUint8(at)
    // No record crosses a sector; the rest of one is zeros.
    if (length === 0) {
      at = (Math.floor(at / sector) + 1) * sector
      continue
    }
    const record = parseRecord(view, at, blockSize)
    if (record === undefined) throw new ImageError('damaged', 'a record of a folder is damaged')
    const isSelfOrParent = record.name.length === 1 && (record.name[0] ?? 2) < 2
    if (!isSelfOrParent) records.push(record)
    if (records.length > limits.entries) throw new ImageError('too-large', 'a folder has too many entries')
    at += length
  }
  return records
}

/** Bytes before the fields of Rock Ridge in each record; `undefined` if the image has none. */
async function rockRidgeSkip(image: BoundedImage, { root, blockSize }: Volume): Promise<number | undefined> {
  const first = parseRecord(await image.read(root.extent.offset, Math.min(255, root.extent.length)), 0, blockSize)
  const use = first?.systemUse
  if (use === undefined || use.byteLength < 7) return undefined
  const isSharing = use.getUint16(0) === 0x5350 && use.getUint16(4) === 0xbeef
  return isSharing ? use.getUint8(6) : undefined
}

interface RockRidge {
  readonly name: string | undefined
  /** Block of the folder that this record stands for, which was moved because it was too deep. */
  readonly child: number | undefined
  /** The folder in its other place. */
  readonly isRelocated: boolean
}

/** Continuation areas that are followed for one record. */
const maxContinuations = 16

async function readRockRidge(
  image: BoundedImage,
  { systemUse }: DirectoryRecord,
  skip: number,
  blockSize: number,
): Promise<RockRidge> {
  const name: Uint8Array[] = []
  let [child, isRelocated]: [number | undefined, boolean] = [undefined, false]
  let area: DataView | undefined = systemUse
  let at = skip
  for (let followed = 0; area !== undefined; followed++) {
    if (followed > maxContinuations) throw new ImageError('loop', 'a record of the image goes on without end')
    let next: Extent | undefined
    while (at + 4 <= area.byteLength) {
      const [tag, length] = [area.getUint16(at), area.getUint8(at + 2)]
      if (length < 4 || at + length > area.byteLength) break
      if (tag === 0x4e4d && length >= 5 && (area.getUint8(at + 4) & 6) === 0)
        name.push(bytesOf(area, at + 5, at + length))
      else if (tag === 0x434c && length >= 12) child = area.getUint32(at + 4, true)
      else if (tag === 0x5245) isRelocated = true
      else if (tag === 0x4345 && length >= 28)
        next = {
          offset: area.getUint32(at + 4, true) * blockSize + area.getUint32(at + 12, true),
          length: area.getUint32(at + 20, true),
        }
      else if (tag === 0x5354) break
      at += length
    }
    area = next && (await image.readDirectory(next.offset, next.length))
    at = 0
  }
  const bytes = new Uint8Array(name.reduce((sum, part) => sum + part.length, 0))
  let filled = 0
  for (const part of name) {
    bytes.set(part, filled)
    filled += part.length
  }
  return { name: filled === 0 ? undefined : new TextDecoder().decode(bytes), child, isRelocated }
}

/** The first record of a folder describes the folder itself. */
async function selfExtent(image: BoundedImage, block: number, blockSize: number): Promise<Extent> {
  const record = parseRecord(await image.readDirectory(block * blockSize, 255), 0, blockSize)
  if (record === undefined) throw new ImageError('damaged', 'a folder that was moved is not where it should be')
  return record.extent
}

function plainName(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes).replace(/\.?;\d+$/, '')
}

function ucs2Name(bytes: Uint8Array): string {
  return new TextDecoder('utf-16be').decode(bytes).replace(/;\d+$/, '')
}
