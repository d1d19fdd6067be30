import { createHash, randomUUID } from 'node:crypto'
import { utimes } from 'node:fs'
import { mkdir, realpath, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { LocalError } from '../../local/local-error.ts'
import type { KeyPrefix, ObjectKey } from '../../shared/assets/object-key.ts'
import { errorName, unlessMissing } from './faults.ts'

/** Where the assets of a machine lie. Both are real paths on one file system, so that publishing is a `link`. */
export interface LocalLocation {
  /** The folder of the bucket that the stage's `keyPrefix` names: `users/alice/x` below it is the key `users/alice/x`. */
  readonly content: string
  /** Before every key in the bucket, such as `assets/`; most stages have none. */
  readonly keyPrefix: string
  /** What belongs to the service, beside the content and never served. */
  readonly area: AssetArea
}

/** The folders of the area. */
export interface AssetArea {
  readonly root: string
  /** Bytes that arrive, `<upload id>`, with the upload server's own notes beside them. */
  readonly incoming: string
  /** `<upload id>`: the declaration of each upload that was begun. A ticket is used once because its file is made once. */
  readonly tickets: string
  /** What is known of a published file beyond its bytes, by key. */
  readonly records: string
  /** Content types that a file's name does not tell, by key; they lie below `typesRoot` as the objects lie in the bucket. */
  readonly types: string
  /** Where nginx looks for types, by the name of the object. */
  readonly typesRoot: string
  /** The last modification of files that were removed, by key: what comes to the key next is later. */
  readonly removed: string
  /** Files in the making. */
  readonly drafts: string
  /** Locks of keys that are being changed. */
  readonly locks: string
}

/** The folder beside the content that belongs to the service. */
export function areaBeside(content: string): string {
  return join(dirname(content), `${basename(content)}-uploads`)
}

/** The place of a stage's assets, from paths that were prepared. */
export function localLocation(bucket: string, areaRoot: string, keyPrefix: string): LocalLocation {
  return { content: resolve(bucket, keyPrefix), keyPrefix, area: assetArea(areaRoot, keyPrefix) }
}

/** The folders below a root. */
export function assetArea(root: string, keyPrefix = ''): AssetArea {
  const typesRoot = join(root, 'types')
  return {
    root,
    incoming: join(root, 'incoming'),
    tickets: join(root, 'tickets'),
    records: join(root, 'records'),
    types: resolve(typesRoot, keyPrefix),
    typesRoot,
    removed: join(root, 'removed'),
    drafts: join(root, 'drafts'),
    locks: join(root, 'locks'),
  }
}

/**
 * Makes the folders that are missing, those of the area readable to their owner only.
 *
 * @param bucket root of the bucket.
 * @throws LocalError where content and area are not on one file system: a file could not appear at its key in one step. Where the
 *   folder of the `keyPrefix` is a link, too: nginx follows none below the bucket's root.
 */
export async function prepareLocation(
  bucket: string,
  areaRoot = areaBeside(bucket),
  keyPrefix = '',
): Promise<LocalLocation> {
  await mkdir(join(bucket, keyPrefix), { recursive: true })
  const { content } = localLocation(await realpath(bucket), areaRoot, keyPrefix)
  if ((await realpath(content)) !== content) throw new LocalError(`${content} must be a folder, no link to one.`)
  try {
    for (const folder of Object.values(assetArea(areaRoot, keyPrefix))) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new LocalError(`${areaRoot} cannot be made (${code}): name another folder with --uploads.`, { cause })
  }
  const [here, there] = await Promise.all([stat(content), stat(areaRoot)])
  if (here.dev !== there.dev) {
    throw new LocalError(
      `${areaRoot} must be on the same file system as ${content}: name another folder with --uploads.`,
    )
  }
  return localLocation(await realpath(bucket), await realpath(areaRoot), keyPrefix)
}

/** A path for a file in the making. */
export function draftPath({ area }: Pick<LocalLocation, 'area'>): string {
  return join(area.drafts, randomUUID())
}

/** The path of a key, or of a prefix that ends in `/`. A parsed key has no segment that leads out of the content. */
export function assetPath({ content }: LocalLocation, key: ObjectKey | KeyPrefix): string {
  return join(content, key)
}

/** By path: the end of the last work that was begun there. */
const queues = new Map<string, Promise<unknown>>()

/**
 * Runs work that changes what is at some keys, alone there: of two works at one key the second waits for the first, also where they
 * are in two processes, such as the server and a backend that uses the library on the same folders.
 *
 * A process that ended within its work leaves its lock, which is good for ten seconds.
 */
export async function withKeys<T>(
  location: LocalLocation,
  keys: readonly ObjectKey[],
  work: () => Promise<T>,
): Promise<T> {
  // Everybody in the same order, or two moves in opposite directions would wait for each other.
  const [first, ...others] = [...new Set(keys)].sort()
  if (first === undefined) return work()
  return alone(location, assetPath(location, first), () => withKeys(location, others, work))
}

/** Runs work on one file alone, across processes. The queue within the process comes first, which needs no polling. */
export function alone<T>({ area }: LocalLocation, path: string, work: () => Promise<T>): Promise<T> {
  const lock = join(area.locks, createHash('sha256').update(path).digest('base64url'))
  return inOrder(path, () => withLock(lock, work))
}

/** Runs work on one file after all that this process began before. */
export async function inOrder<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(path)
  const mine = (async () => {
    await before?.catch(() => {})
    return work()
  })()
  queues.set(path, mine)
  try {
    return await mine
  } finally {
    if (queues.get(path) === mine) queues.delete(path)
  }
}

/** How long a lock is good without renewal, in milliseconds. */
const staleMs = 10_000
/** Pauses between two tries, in milliseconds: doubled from the first to the last. */
const pauses = { first: 2, last: 100 }

/**
 * Runs work while this process alone holds a lock: a folder, which only one process can make. Waits as long as another one holds it.
 * The owner renews its time; one that nobody has renewed for ten seconds was left by a process that ended, and is taken down.
 */
async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  for (let pause = pauses.first; !(await make(lock)); pause = Math.min(2 * pause, pauses.last)) {
    if (await isStale(lock)) await takeDown(lock)
    else await setTimeout(pause)
  }
  const renewal = setInterval(() => utimes(lock, new Date(), new Date(), () => {}), staleMs / 4).unref()
  try {
    return await work()
  } finally {
    clearInterval(renewal)
    // One that cannot be removed becomes stale.
    await rmdir(lock).catch(() => {})
  }
}

/** Returns false where the folder is there. */
async function make(folder: string): Promise<boolean> {
  try {
    await mkdir(folder)
    return true
  } catch (error) {
    if (errorName(error) === 'EEXIST') return false
    throw error
  }
}

async function isStale(lock: string): Promise<boolean> {
  const facts = await unlessMissing(stat(lock))
  return facts !== undefined && facts.mtimeMs < Date.now() - staleMs
}

/** One process after the other looks again and removes: the second would remove the new lock of the first. */
async function takeDown(lock: string): Promise<void> {
  const turn = `${lock}.stale`
  if (!(await make(turn))) {
    if (await isStale(turn)) await unlessMissing(rmdir(turn))
    return
  }
  try {
    if (await isStale(lock)) await unlessMissing(rmdir(lock))
  } finally {
    await rmdir(turn)
  }
}
