import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { LocalError } from './local-error.ts'

/**
 * The folder that `--content` names. It is never made: a name that was mistyped would be an empty bucket.
 *
 * @throws LocalError where there is nothing, or no folder.
 */
export function namedContent(content: string): string {
  const directory = resolve(content)
  const stat = statSync(directory, { throwIfNoEntry: false })
  if (stat === undefined) throw new LocalError(`--content: ${directory} is not there. Make it first.`)
  if (!stat.isDirectory()) throw new LocalError(`--content: ${directory} is not a folder.`)
  return directory
}
