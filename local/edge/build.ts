import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { writeNjsModules } from '../njs/modules.ts'
import type { EdgeConfig } from './edge-config.ts'
import { mainModule } from './main-module.ts'

/** Request headers that functions may change on the way to an origin that does not get every header. */
export const changeableHeaders = [
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
]

/**
 * Writes the njs side of the edge into a folder for `js_path`. nginx makes a new njs machine for each request and runs every
 * imported module in it, so `main.js` imports what each request needs, and the whole edge and the deployed functions, unchanged,
 * as functions that run their code when they are first called.
 *
 * `edge.json` beside them is the preloaded configuration.
 */
export async function writeEdgeModules(
  directory: string,
  config: EdgeConfig,
  functions: Readonly<Record<string, string>>,
): Promise<void> {
  await writeNjsModules(directory, {})
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text)
  write('edge.json', JSON.stringify(config))
  write('plain.js', (await bundle('plain-request.ts')).replace(/export \{([^}]*)\};\s*$/, 'export default {$1};\n'))
  write(
    'whole.js',
    lazyModule(await bundle('edge.ts'), (code) => code.replace(/export \{([^}]*)\};\s*$/, 'return {$1};')),
  )
  for (const [id, code] of Object.entries(functions)) {
    write(
      `${id}.js`,
      lazyModule(code, (script) => `${script}\nreturn handler;`),
    )
  }
  write('main.js', mainModule(config, Object.keys(functions)))
}

/**
 * A module whose code runs when its default export is called. Imports stay outside, as a function cannot hold them; each gets the
 * same object wherever it stands.
 */
export function lazyModule(code: string, finish: (script: string) => string): string {
  const imports: string[] = []
  const script = code.replace(/^import\s+\w+\s+from\s*["'][^"'\n]+["'];?[ \t]*$/gm, (line) => {
    imports.push(line)
    return ''
  })
  return [...imports, 'function load() {', finish(script.trimEnd()), '}', 'export default load', ''].join('\n')
}

/** njs 0.7 knows ES5.1 and some of what came after; esbuild rewrites the rest and stops at what it cannot rewrite. */
async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`./${entry}`, import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    external: ['fs', 'crypto', 'querystring'],
    legalComments: 'none',
    charset: 'ascii',
    minifySyntax: true,
    target: 'es5',
    supported: {
      'const-and-let': true,
      arrow: true,
      'template-literal': true,
      'exponent-operator': true,
      'object-accessors': true,
    },
  })
  return outputFiles[0]?.text ?? ''
}
