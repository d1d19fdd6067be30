import { mkdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { KeyPrefix, ObjectKey } from '../../shared/assets/object-key.ts'
import { LocalError } from '../local-error.ts'

/** Where the assets of a machine lie. Both are real paths on one file system, so that publishing is a `link`. */
export interface LocalLocation {
  /** Root of the bucket: `content/users/alice/x` is the key `users/alice/x`. */
  readonly content: string
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
  /** Content types that a file's name does not tell, by key; nginx reads them. */
  readonly types: string
  /** Files in the making. */
  readonly drafts: string
}

/** The folder beside the content that belongs to the service. */
export function areaBeside(content: string): string {
  return join(dirname(content), `${basename(content)}-uploads`)
}

/** The folders below a root. */
export function assetArea(root: string): AssetArea {
  return {
    root,
    incoming: join(root, 'incoming'),
    tickets: join(root, 'tickets'),
    records: join(root, 'records'),
    types: join(root, 'types'),
    drafts: join(root, 'drafts'),
  }
}

/**
 * Makes the folders that are missing, readable to their owner only.
 *
 * @throws LocalError where content and area are not on one file system: a file could not appear at its key in one step.
 */
export async function prepareLocation(content: string, areaRoot = areaBeside(content)): Promise<LocalLocation> {
  await mkdir(content, { recursive: true })
  const root = await realpath(content)
  const area = assetArea(areaRoot)
  try {
    for (const folder of Object.values(area)) await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new LocalError(`${areaRoot} cannot be made (${code}): name another folder with --uploads.`, { cause })
  }
  const [here, there] = await Promise.all([stat(root), stat(area.root)])
  if (here.dev !== there.dev) {
    throw new LocalError(
      `${areaRoot} must be on the same file system as ${content}: name another folder with --uploads.`,
    )
  }
  return { content: root, area: assetArea(await realpath(areaRoot)) }
}

/** The path of a key, or of a prefix that ends in `/`. A parsed key has no segment that leads out of the content. */
export function assetPath({ content }: LocalLocation, key: ObjectKey | KeyPrefix): string {
  return join(content, key)
}
