import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeWhole } from '../../local/state/state-files.ts'

/** The secret that nginx and the API make download links with; made once in a state directory, readable to its owner only. */
export function prepareLinkSecret(stateDirectory: string): string {
  const file = join(stateDirectory, 'link-secret')
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeWhole(file, randomBytes(32).toString('base64url'))
  }
  return readFileSync(file, 'utf8')
}
