import { findFat, listFat } from './fat.ts'
import { boundImage, ImageError, type ImageListing, type ReadAt } from './image.ts'
import { isIso9660, listIso9660 } from './iso9660.ts'
import { isZip, listZip } from './zip.ts'

/**
 * Lists a disk image or archive: ISO 9660, FAT or ZIP. A hybrid image, such as one that boots from a USB stick as well, is read as
 * the ISO 9660 that it is.
 *
 * @param readAt reads bytes, for example `RangeReader.read`.
 * @param size of the image in bytes.
 * @throws ImageError; what `readAt` throws.
 * @example
 * const { entries } = await listImage((offset, length) => reader.read(offset, length), await reader.size())
 */
export async function listImage(readAt: ReadAt, size: number): Promise<ImageListing> {
  const image = boundImage(readAt, size)
  if (await isIso9660(image)) return listIso9660(image)
  const volume = await findFat(image)
  if (volume !== undefined) return listFat(image, volume)
  if (await isZip(image)) return listZip(image)
  throw new ImageError('unknown-format', 'the file is no ISO 9660 or FAT image and no ZIP')
}
