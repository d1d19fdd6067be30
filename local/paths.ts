import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder, wherever it was cloned. */
export const projectDirectory = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Everything that the emulation makes lies here; deleting the folder is always safe while nothing runs. */
export const localDirectory = join(projectDirectory, '.local')

/** What nginx of the stage on a port starts from; it is there as long as that stage runs. */
export function runDirectory(port: number): string {
  return join(localDirectory, 'run', String(port))
}
