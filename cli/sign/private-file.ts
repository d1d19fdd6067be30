import { randomUUID } from 'node:crypto'
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises'

/**
 * Writes a file that only its owner may read, also where there is one already: `mode` is for new files, so a new one takes its
 * place. Readers have the old file or the new one. What is no file, such as a terminal or a pipe, is written to as it is.
 *
 * @throws the system's error.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const existing = await stat(path).catch(() => undefined)
  if (existing !== undefined && !existing.isFile()) return writeFile(path, text)
  // A link stays one.
  const target = existing === undefined ? path : await realpath(path)
  const draft = `${target}.${randomUUID()}`
  try {
    await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
    await rename(draft, target)
  } finally {
    await rm(draft, { force: true })
  }
}
