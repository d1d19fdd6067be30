/**
 * ETags that never repeat at a key.
 *
 * nginx makes an entity tag of a file's modification time in whole seconds and its size, answers `If-Range`, `If-None-Match` and
 * `If-Match` with it, and takes no other. So what comes to a key gets the time at which it comes, and at least one second more than
 * anything that was there before: three files of one size within one second are dated that second, the next and the one after. Then
 * no tag comes twice, `If-Range` never joins halves of two files, and Last-Modified never goes back.
 *
 * What was removed is remembered below `removed/`, for a day: by then the clock has passed it, also one that was set back a little.
 * Files that are put into the content folder by hand keep the times that they come with.
 */
import { readdir, readFile, rm, utimes } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { ObjectKey } from '../../shared/assets/object-key.ts'
import { unlessMissing } from './faults.ts'
import { readFacts } from './fingerprint.ts'
import { alone, assetPath, type LocalLocation } from './location.ts'
import { removeEmptyFolders, writeInto } from './records.ts'

/** No key holds a `*`: the name keeps the note apart from folders of longer keys. */
const noteName = '*'
/** How long a removal is remembered, in seconds. */
const rememberedSeconds = 86_400

/**
 * The modification time for what comes to a key now, in epoch seconds. The key must be locked (`withKeys`).
 *
 * @param now epoch seconds.
 */
export async function nextModification(location: LocalLocation, key: ObjectKey, now: number): Promise<number> {
  const there = await readFacts(assetPath(location, key))
  return Math.max(now, (there?.lastModified ?? 0) + 1, (await lastRemoved(location, key)) + 1)
}

/** Sets a file's modification time. */
export async function setModification(path: string, seconds: number): Promise<void> {
  await utimes(path, seconds, seconds)
}

/** Remembers what is at a key, before it is removed. */
export async function rememberRemoved(location: LocalLocation, key: ObjectKey): Promise<void> {
  const there = await readFacts(assetPath(location, key))
  const last = Math.max(there?.lastModified ?? 0, await lastRemoved(location, key))
  const { drafts, removed } = location.area
  await writeInto(drafts, join(removed, key), noteName, String(last))
}

/** Forgets removals that the clock has passed long ago. Each key is locked for it: a file may be removed there at this moment. */
export async function forgetRemoved(location: LocalLocation, now: number): Promise<void> {
  const { area, content } = location
  const entries = await readdir(area.removed, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    await alone(location, join(content, relative(area.removed, entry.parentPath)), async () => {
      if ((await readNote(path)) + rememberedSeconds > now) return
      await rm(path, { force: true })
      await removeEmptyFolders(dirname(path), area.removed)
    })
  }
}

function lastRemoved({ area }: LocalLocation, key: ObjectKey): Promise<number> {
  return readNote(join(area.removed, key, noteName))
}

async function readNote(path: string): Promise<number> {
  const seconds = Number(await unlessMissing(readFile(path, 'utf8')))
  return Number.isSafeInteger(seconds) ? seconds : 0
}
