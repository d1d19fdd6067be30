import { types } from 'mime-types'

/**
 * Content types by lower-case file name extension, from the registries in `mime-types`. HLS and DASH players depend on the types of
 * `m3u8`, `mpd`, `ts` and `vtt`. nginx uses the same table.
 */
export const contentTypes: ReadonlyMap<string, string> = new Map(Object.entries(types))

/** Returns the content type of a file for which no other type was declared. */
export function typeOfName(name: string): string {
  const extension = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase()
  return contentTypes.get(extension ?? '') ?? 'application/octet-stream'
}
