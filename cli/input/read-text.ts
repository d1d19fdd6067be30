import { readFile } from 'node:fs/promises'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** No input of this command is near that: a cookie jar of a busy browser has a few megabytes. */
const largest = 16 * 2 ** 20

/**
 * The text of a file; `-` is standard input.
 *
 * @param what how the message names it: `the key document`.
 * @throws UsageError where it cannot be read.
 */
export async function readText(path: string, what: string, terminal: Pick<Terminal, 'stdin'>): Promise<string> {
  if (path === '-') return terminal.stdin()
  try {
    const bytes = await readFile(path)
    if (bytes.length > largest) throw new UsageError(`${what}: the file is too large`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new UsageError(`${what}: cannot read the file (${code})`)
  }
}
