import type { Asset } from './api.ts'

/** The view of a folder, computed from the flat keys of an object store. */

/** Name of the empty object that keeps an empty folder. The page does not list it. */
export const keepName = '.keep'

/** A row of a folder. `path` is a key, or a prefix with its closing slash. */
export interface Entry {
  readonly kind: 'folder' | 'file'
  readonly path: string
  readonly name: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
  /** Files below a folder. */
  readonly count: number
}

/** Column and direction of the order. */
export interface Order {
  readonly by: 'name' | 'size' | 'modified'
  readonly descending: boolean
}

const compareNames = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' }).compare

/** Returns the rows of a folder, folders first. With a query: every file below whose path holds each word of it. */
export function entriesOf(assets: Iterable<Asset>, folder: string, query: string, order: Order): readonly Entry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const folders = new Map<string, Entry>()
  const files: Entry[] = []
  for (const asset of assets) {
    if (!asset.key.startsWith(folder)) continue
    const rest = asset.key.slice(folder.length)
    const slash = rest.indexOf('/')
    const modified = Date.parse(asset.lastModified)
    if (words.length > 0) {
      const text = rest.toLowerCase()
      if (!isKeep(asset.key) && words.every((word) => text.includes(word))) files.push(fileEntry(asset, rest, modified))
    } else if (slash < 0) {
      if (rest !== keepName) files.push(fileEntry(asset, rest, modified))
    } else {
      const name = rest.slice(0, slash)
      const known = folders.get(name)
      folders.set(name, {
        kind: 'folder',
        path: `${folder}${name}/`,
        name,
        size: (known?.size ?? 0) + asset.size,
        modified: Math.max(known?.modified ?? 0, modified),
        count: (known?.count ?? 0) + (isKeep(asset.key) ? 0 : 1),
      })
    }
  }
  return [...[...folders.values()].sort(byOrder(order)), ...files.sort(byOrder(order))]
}

/** Returns the folders below a root, each with its closing slash, sorted. */
export function foldersBelow(assets: Iterable<Asset>, root: string): readonly string[] {
  const found = new Set([root])
  for (const { key } of assets) {
    if (!key.startsWith(root)) continue
    for (let at = key.indexOf('/', root.length); at > 0; at = key.indexOf('/', at + 1)) found.add(key.slice(0, at + 1))
  }
  return [...found].sort(compareNames)
}

/** Returns a name that is free, such as `photo (2).jpg`. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  const dot = name.lastIndexOf('.')
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  for (let number = 2; ; number++) {
    const candidate = `${stem} (${number})${ending}`
    if (!isTaken(candidate)) return candidate
  }
}

/** Returns what is wrong with a name; `undefined` if it can be used. The API checks the whole key again. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'Type a name.'
  if (name === '.' || name === '..' || name === keepName) return `“${name}” cannot be a name.`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys hold none.
  if (/[/\\*?\u0000-\u001f\u007f]/.test(name)) return 'A name cannot contain / \\ * ? or control characters.'
  return new TextEncoder().encode(name).length > 255 ? 'The name is too long: at most 255 bytes.' : undefined
}

function isKeep(key: string): boolean {
  return key.endsWith(`/${keepName}`)
}

function fileEntry({ key, size }: Asset, name: string, modified: number): Entry {
  return { kind: 'file', path: key, name, size, modified, count: 1 }
}

function byOrder({ by, descending }: Order): (a: Entry, b: Entry) => number {
  const sign = descending ? -1 : 1
  return (a, b) => sign * ((by === 'name' ? 0 : a[by] - b[by]) || compareNames(a.name, b.name))
}

/** The way in which the page can show a file, by the ending of its name. */
export type Kind = 'image' | 'video' | 'audio' | 'pdf' | 'text' | 'other'

const endings = {
  image: 'png jpg jpeg gif webp avif svg bmp ico',
  video: 'mp4 m4v webm mov ogv',
  audio: 'mp3 m4a aac ogg oga opus wav flac',
  pdf: 'pdf',
  text: 'txt md csv tsv json log xml yaml yml toml ini html htm css js ts tsx py rs go java c h cpp sh sql vtt srt',
} as const satisfies Readonly<Record<Exclude<Kind, 'other'>, string>>

const kinds = new Map(
  Object.entries(endings).flatMap(([kind, list]) => list.split(' ').map((ending) => [ending, kind as Kind])),
)

/** Returns the kind of a file. */
export function kindOf(name: string): Kind {
  return kinds.get(name.slice(name.lastIndexOf('.') + 1).toLowerCase()) ?? 'other'
}

/** `1.4 MB`, with decimal units as file managers show them. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes / 1000
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' })
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

/** `5 min. ago`, and the date for anything older than a week. */
export function formatAge(time: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - time) / 1000))
  if (seconds < 45) return 'just now'
  if (seconds < 3600) return relative.format(-Math.max(1, Math.round(seconds / 60)), 'minute')
  if (seconds < 86_400) return relative.format(-Math.round(seconds / 3600), 'hour')
  return seconds < 7 * 86_400 ? relative.format(-Math.round(seconds / 86_400), 'day') : day.format(time)
}

/** The exact time, in words. */
export function formatTime(time: number): string {
  return exact.format(time)
}

/** `40 s`, `3 min`, `2 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
