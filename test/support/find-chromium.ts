import { isAbsolute } from 'node:path'
import { LocalError } from '../../local/local-error.ts'
import { findProgram, isExecutable } from '../../local/setup/command.ts'

/** Advice for a machine without a browser. */
export const chromiumHint = [
  'The browser tests run Chromium. Install it, or name one with CHROMIUM_PATH=/path/to/chromium:',
  '  Debian:  sudo apt-get install --no-install-recommends chromium',
  '  Fedora:  sudo dnf install chromium',
  '  Alpine:  sudo apk add chromium',
  '  macOS:   CHROMIUM_PATH="/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"',
].join('\n')

/** Names of the program on the systems above. Ubuntu's `chromium-browser` is left out: it only says how to install a snap. */
const names = ['chromium', 'google-chrome-stable', 'google-chrome']

/**
 * The browser that tests drive: `CHROMIUM_PATH`, else the first on PATH. Nothing is downloaded.
 *
 * @throws LocalError that says what to install.
 */
export function findChromium(environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = environment.CHROMIUM_PATH
  if (chosen !== undefined && chosen !== '') {
    if (isAbsolute(chosen) && isExecutable(chosen)) return chosen
    throw new LocalError(`CHROMIUM_PATH is not the absolute path of a program: ${chosen}`)
  }
  const found = names.map((name) => findProgram(name, environment.PATH)).find((file) => file !== undefined)
  if (found === undefined) throw new LocalError(chromiumHint)
  return found
}
