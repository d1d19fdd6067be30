import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The njs command: from PATH, else as the set-up unpacks it. `undefined` where there is none. */
export function findNjs(): string | undefined {
  const unpacked = fileURLToPath(new URL('../../.local/tools/usr/bin', import.meta.url))
  const folders = [...(process.env.PATH ?? '').split(delimiter), unpacked]
  return folders.map((folder) => join(folder, 'njs')).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
