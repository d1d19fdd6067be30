import { createHash } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The global through which the `cloudfront` module of njs finds its store: `{"directory": "/absolute/path"}`. */
export const storeGlobal = 'keyValueStore'

/** A deployed CloudFront Function as an njs module: the same code, with the export that njs needs to find `handler`. */
export function njsModule(code: string): string {
  return `${code.trimEnd()}\nexport default { handler };\n`
}

/**
 * Writes the folder that `js_path`, or `njs -p`, names: the `cloudfront` module, and `<name>.js` for each function.
 *
 * @param functions deployed code by name.
 */
export async function writeNjsModules(directory: string, functions: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(directory, { recursive: true })
  await copyFile(fileURLToPath(new URL('./cloudfront.js', import.meta.url)), join(directory, 'cloudfront'))
  for (const name of ['declared-type.js', 'upload-problem.js']) {
    await copyFile(fileURLToPath(new URL(`./${name}`, import.meta.url)), join(directory, name))
  }
  for (const [name, code] of Object.entries(functions)) {
    await writeFile(join(directory, `${name}.js`), njsModule(code))
  }
}

/** Name of the file in a store's directory that holds the value of `key`. */
export function storeFileName(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}
