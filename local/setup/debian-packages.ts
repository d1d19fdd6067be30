import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LocalError } from '../local-error.ts'
import { findProgram, runCommand } from './command.ts'

/** Where packages are unpacked to, and who is told about progress. */
export interface UnpackOptions {
  /** The root of the unpacked tree: `<root>/usr/sbin/nginx`. */
  readonly root: string
  readonly log: (line: string) => void
}

/**
 * Downloads Debian packages and unpacks them into a folder: no root, nothing registered with dpkg, no service started. The
 * packages and their checksums come from the release's signed index, so their versions are those that the release pins.
 *
 * @throws LocalError where this is not a Debian system, or the download fails.
 */
export async function unpackDebianPackages(names: readonly string[], options: UnpackOptions): Promise<void> {
  if (findProgram('apt-get') === undefined || findProgram('dpkg-deb') === undefined) {
    throw new LocalError('apt-get and dpkg-deb are not on this system')
  }
  const downloads = join(options.root, '..', 'downloads')
  rmSync(downloads, { recursive: true, force: true })
  mkdirSync(downloads, { recursive: true })
  mkdirSync(options.root, { recursive: true })
  options.log(`Downloading ${names.join(', ')} …`)
  await download(names, downloads, options)
  for (const file of readdirSync(downloads).filter((name) => name.endsWith('.deb'))) {
    await runCommand('dpkg-deb', ['-x', join(downloads, file), options.root])
  }
  rmSync(downloads, { recursive: true, force: true })
}

/** First with the system's package lists; where they are missing or too old, with lists of our own, which need no root. */
async function download(names: readonly string[], directory: string, options: UnpackOptions): Promise<void> {
  try {
    await runCommand('apt-get', ['download', ...names], { cwd: directory })
  } catch {
    const own = ownLists(join(options.root, '..', 'apt'))
    options.log('Fetching package lists …')
    await runCommand('apt-get', [...own, 'update'])
    await runCommand('apt-get', [...own, 'download', ...names], { cwd: directory })
  }
}

function ownLists(directory: string): string[] {
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(directory, folder), { recursive: true })
  }
  const status = existsSync('/var/lib/dpkg/status') ? ['-o', 'Dir::State::status=/var/lib/dpkg/status'] : []
  return [
    '-o',
    `Dir::State=${directory}/state`,
    '-o',
    `Dir::Cache=${directory}/cache`,
    '-o',
    'Dir::Etc=/etc/apt',
    ...status,
  ]
}
