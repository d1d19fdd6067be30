import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder, wherever it was cloned. */
export const projectDirectory = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Everything that the emulation makes lies here; deleting the folder is always safe while nothing runs. */
export const localDirectory = join(projectDirectory, '.local')
