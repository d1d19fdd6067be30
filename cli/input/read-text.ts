import { readFile } from 'node:fs/promises'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** Max size in bytes. A cookie jar of a busy browser has a few megabytes. */
const maxBytes = 16 * 2 ** 20

/**
 * Reads a text file; `-` is standard input.
 *
 * @param what name of the file for the error: `the key document`.
 * @throws UsageError if the file cannot be read.
 */
export async function readText(path: string, what: string, terminal: Pick<Terminal, 'stdin'>): Promise<string> {
  if (path === '-') return terminal.stdin()
  try {
    const bytes = await readFile(path)
    if (bytes.length > maxBytes) throw new UsageError(`${what}: the file is too large`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new UsageError(`${what}: cannot read the file (${code})`)
  }
}
