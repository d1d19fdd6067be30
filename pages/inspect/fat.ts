import { type BoundedImage, bytesOf, ImageError, type ImageListing, limits, listEntries, piecesOf } from './image.ts'

/**
 * FAT12, FAT16 and FAT32 (Microsoft, "FAT: General Overview of On-Disk Format"), bare or in a partition of an MBR. A listing reads
 * the folders, and of the allocation table only the pages on which their chains lie.
 */

interface Volume {
  /** Position in the image. */
  readonly start: number
  readonly bits: 12 | 16 | 32
  readonly clusterBytes: number
  readonly clusterCount: number
  readonly tableStart: number
  readonly tableBytes: number
  readonly dataStart: number
  /** The folder of FAT12 and FAT16 that lies before the clusters. */
  readonly root: { readonly offset: number; readonly length: number } | { readonly cluster: number }
}

const pageBytes = 4096
/** Pages of the table that are kept. */
const maxPages = 256
/** Partition types of FAT, the EFI system partition included. */
const partitionTypes: readonly number[] = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e, 0xef]

/** Finds a FAT volume; `undefined` if there is none. */
export async function findFat(image: BoundedImage): Promise<Volume | undefined> {
  if (image.size < 512) return undefined
  const first = await image.read(0, 512)
  const bare = parseBoot(first, 0, image.size)
  if (bare !== undefined || first.getUint16(510) !== 0x55aa) return bare
  for (let entry = 446; entry < 510; entry += 16) {
    const start = first.getUint32(entry + 8, true) * 512
    if (!partitionTypes.includes(first.getUint8(entry + 4)) || start === 0 || start + 512 > image.size) continue
    const volume = parseBoot(await image.read(start, 512), start, image.size)
    if (volume !== undefined) return volume
  }
  return undefined
}

/** Lists a volume. @throws ImageError */
export async function listFat(image: BoundedImage, volume: Volume): Promise<ImageListing> {
  const next = readTable(image, volume)
  const list = listEntries()
  const seen = new Set<number>()
  const open: { readonly path: string; readonly root: Volume['root'] }[] = [{ path: '', root: volume.root }]
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if ('cluster' in folder.root) {
      if (seen.has(folder.root.cluster))
        throw new ImageError('loop', 'a folder of the image is in itself, or in two others')
      seen.add(folder.root.cluster)
    }
    for (const { name, isFolder, size, cluster } of parseFolder(await readFolder(image, volume, folder.root, next))) {
      const extract = () => extractFile(image, volume, cluster, size, next)
      const path = list.add(folder.path, name, { isFolder, size: isFolder ? 0 : size, extract })
      if (path !== undefined && isFolder) open.push({ path, root: { cluster } })
    }
  }
  return { format: `FAT${volume.bits}`, entries: list.entries, skipped: list.skipped }
}

function parseBoot(view: DataView, start: number, imageSize: number): Volume | undefined {
  const sector = view.getUint16(11, true)
  const perCluster = view.getUint8(13)
  const [reserved, tables, rootEntries] = [view.getUint16(14, true), view.getUint8(16), view.getUint16(17, true)]
  const isJump = view.getUint8(0) === 0xeb || view.getUint8(0) === 0xe9
  const isPower = (value: number) => value > 0 && (value & (value - 1)) === 0
  if (!isJump || ![512, 1024, 2048, 4096].includes(sector) || !isPower(perCluster)) return undefined
  if (reserved === 0 || tables === 0 || tables > 4 || view.getUint8(21) < 0xf0) return undefined
  const tableSectors = view.getUint16(22, true) || view.getUint32(36, true)
  const totalSectors = view.getUint16(19, true) || view.getUint32(32, true)
  const rootSectors = Math.ceil((rootEntries * 32) / sector)
  const before = reserved + tables * tableSectors + rootSectors
  if (tableSectors === 0 || totalSectors <= before || start + totalSectors * sector > imageSize) return undefined
  const clusterCount = Math.floor((totalSectors - before) / perCluster)
  const bits = clusterCount < 4085 ? 12 : clusterCount < 65_525 ? 16 : 32
  return {
    start,
    bits,
    clusterBytes: perCluster * sector,
    clusterCount,
    tableStart: start + reserved * sector,
    tableBytes: tableSectors * sector,
    dataStart: start + before * sector,
    root:
      bits === 32
        ? { cluster: view.getUint32(44, true) }
        : { offset: start + (before - rootSectors) * sector, length: rootEntries * 32 },
  }
}

/** Returns the cluster behind one; `undefined` at the end of its chain. */
type NextCluster = (cluster: number) => Promise<number | undefined>

function readTable(image: BoundedImage, { bits, tableStart, tableBytes, clusterCount }: Volume): NextCluster {
  const pages = new Map<number, DataView>()
  const byteAt = async (at: number) => {
    const number = Math.floor(at / pageBytes)
    let page = pages.get(number)
    if (page === undefined) {
      if (at >= tableBytes) throw new ImageError('damaged', 'the allocation table is too short')
      if (pages.size >= maxPages) pages.delete(pages.keys().next().value ?? 0)
      const from = number * pageBytes
      page = await image.read(tableStart + from, Math.min(pageBytes, tableBytes - from))
      pages.set(number, page)
    }
    return page.getUint8(at % pageBytes)
  }
  return async (cluster) => {
    const at = Math.floor((cluster * bits) / 8)
    let value = (await byteAt(at)) | ((await byteAt(at + 1)) << 8)
    if (bits === 32) value = (value | ((await byteAt(at + 2)) << 16) | ((await byteAt(at + 3)) << 24)) & 0x0fffffff
    if (bits === 12) value = cluster % 2 === 0 ? value & 0xfff : value >> 4
    const last = bits === 12 ? 0xff8 : bits === 16 ? 0xfff8 : 0x0ffffff8
    if (value >= last) return undefined
    if (value < 2 || value >= clusterCount + 2) throw new ImageError('damaged', 'a chain of clusters leads nowhere')
    return value
  }
}

function clusterOffset({ dataStart, clusterBytes, clusterCount }: Volume, cluster: number): number {
  if (cluster < 2 || cluster >= clusterCount + 2) throw new ImageError('damaged', 'a chain of clusters leads nowhere')
  return dataStart + (cluster - 2) * clusterBytes
}

async function readFolder(
  image: BoundedImage,
  volume: Volume,
  root: Volume['root'],
  next: NextCluster,
): Promise<DataView> {
  if ('offset' in root) return image.readDirectory(root.offset, root.length)
  const parts: Uint8Array[] = []
  let size = 0
  for (let cluster: number | undefined = root.cluster; cluster !== undefined; cluster = await next(cluster)) {
    size += volume.clusterBytes
    // A chain that closes on itself ends here as well.
    if (size > limits.directory) throw new ImageError('loop', 'a folder of the image has no end')
    const part = bytesOf(await image.readDirectory(clusterOffset(volume, cluster), volume.clusterBytes))
    parts.push(part)
    // Nothing follows an entry that begins with zero.
    if (part[part.length - 32] === 0) break
  }
  const all = new Uint8Array(size)
  for (const [index, part] of parts.entries()) all.set(part, index * volume.clusterBytes)
  return new DataView(all.buffer)
}

interface FolderEntry {
  readonly name: string
  readonly isFolder: boolean
  readonly size: number
  readonly cluster: number
}

function* parseFolder(view: DataView): Generator<FolderEntry> {
  let long: { readonly parts: string[]; readonly sum: number } | undefined
  for (let at = 0; at + 32 <= view.byteLength; at += 32) {
    const first = view.getUint8(at)
    const attributes = view.getUint8(at + 11)
    if (first === 0) return
    if (first === 0xe5) long = undefined
    else if ((attributes & 0x3f) === 0x0f) {
      const [sum, number] = [view.getUint8(at + 13), first & 0x1f]
      // The last part comes first, and has the bit 0x40.
      if ((first & 0x40) !== 0) long = { parts: [], sum }
      if (long?.sum === sum && number >= 1 && number <= 20) long.parts[number - 1] = longPart(view, at)
      else long = undefined
    } else {
      const name = long !== undefined && long.sum === shortSum(view, at) ? long.parts.join('') : shortName(view, at)
      long = undefined
      // The name of the volume, and the folder itself and its parent.
      if ((attributes & 0x08) !== 0 || first === 0x2e) continue
      const cluster = view.getUint16(at + 26, true) + view.getUint16(at + 20, true) * 65_536
      yield { name, isFolder: (attributes & 0x10) !== 0, size: view.getUint32(at + 28, true), cluster }
    }
  }
}

function longPart(view: DataView, at: number): string {
  let text = ''
  for (const offset of [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]) {
    const unit = view.getUint16(at + offset, true)
    if (unit === 0) break
    text += String.fromCharCode(unit)
  }
  return text
}

/** Checksum by which the parts of a long name belong to a short one. */
function shortSum(view: DataView, at: number): number {
  let sum = 0
  for (let i = 0; i < 11; i++) sum = (((sum & 1) << 7) + (sum >> 1) + view.getUint8(at + i)) & 0xff
  return sum
}

function shortName(view: DataView, at: number): string {
  const text = (start: number, end: number, isLower: boolean) => {
    const part = new TextDecoder('latin1').decode(bytesOf(view, at + start, at + end)).trimEnd()
    return isLower ? part.toLowerCase() : part
  }
  const flags = view.getUint8(at + 12)
  const [base, extension] = [text(0, 8, (flags & 0x08) !== 0), text(8, 11, (flags & 0x10) !== 0)]
  return extension === '' ? base : `${base}.${extension}`
}

async function* extractFile(
  image: BoundedImage,
  volume: Volume,
  first: number,
  size: number,
  next: NextCluster,
): AsyncIterable<Uint8Array> {
  for (let left = size, start: number | undefined = first; left > 0; ) {
    if (start === undefined) throw new ImageError('damaged', 'the file has fewer clusters than its size needs')
    // Clusters that follow each other are one read.
    const wanted = Math.min(left, limits.piece)
    let [last, run]: [number, number] = [start, volume.clusterBytes]
    let after: number | undefined = left > run ? await next(last) : undefined
    while (after === last + 1 && run < wanted) {
      last = after
      run += volume.clusterBytes
      after = left > run ? await next(last) : undefined
    }
    const length = Math.min(left, run)
    clusterOffset(volume, last)
    yield* piecesOf(image, clusterOffset(volume, start), length)
    left -= length
    start = after
  }
}
