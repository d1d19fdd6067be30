import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder. */
export const projectDirectory = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Folder of everything that the emulation creates. It can be deleted while nothing runs. */
export const localDirectory = join(projectDirectory, '.local')

/**
 * Returns the folder from which the nginx of a port starts. It exists for as long as nginx runs.
 *
 * @param work root of generated files.
 */
export function runDirectory(port: number, work = localDirectory): string {
  return join(work, 'run', String(port))
}
