import { accessSync, constants } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { copyCloudFrontModule } from '../../local/cloudfront/njs-modules.ts'

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

/** The global with which the njs module `cloudfront` finds its store: `{"directory": "/absolute/path"}`. */
export const storeGlobal = 'keyValueStore'

/**
 * Writes a folder for `njs -p`: the `cloudfront` module, and `<name>.js` for each function.
 *
 * @param functions deployed code by name.
 */
export async function writeNjsModules(directory: string, functions: Readonly<Record<string, string>>): Promise<void> {
  copyCloudFrontModule(directory)
  for (const [name, code] of Object.entries(functions)) {
    // njs finds `handler` only in an export.
    await writeFile(join(directory, `${name}.js`), `${code.trimEnd()}\nexport default { handler };\n`)
  }
}
