import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { writeNjsModules } from '../njs/modules.ts'
import type { EdgeConfig } from './edge-config.ts'

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
 * Writes the njs side of the edge into a folder for `js_path`: the edge itself, the deployed functions as they are, and the
 * module `main.js` that joins them. `edge.json` beside them is the preloaded configuration.
 */
export async function writeEdgeModules(
  directory: string,
  config: EdgeConfig,
  functions: Readonly<Record<string, string>>,
): Promise<void> {
  mkdirSync(directory, { recursive: true })
  await writeNjsModules(directory, functions)
  writeFileSync(join(directory, 'edge.json'), JSON.stringify(config))
  writeFileSync(join(directory, 'edge.js'), await bundleEdge())
  const ids = Object.keys(functions)
  const headers = new Set(config.behaviours.flatMap((behaviour) => behaviour.changeableHeaders))
  writeFileSync(
    join(directory, 'main.js'),
    [
      "import edge from 'edge.js'",
      ...ids.map((id, index) => `import function${index} from '${id}.js'`),
      ...ids.map((id, index) => `edge.use('${id}', function${index})`),
      'export default {',
      '  decide: edge.decide, respond: edge.respond, refuse: edge.answerRefusal,',
      '  finish: edge.finish, finishPage: edge.finishPage, finishLink: edge.finishLink,',
      ...[...headers].map((name) => `  ${changedHeaderName(name)}: edge.changedHeader('${name}'),`),
      '}',
      '',
    ].join('\n'),
  )
}

/** Name of the njs function, and nginx variable, that holds a request header after a function's change. */
export function changedHeaderName(name: string): string {
  return `changed_${name.replaceAll('-', '_')}`
}

/** njs 0.7 knows ES5.1 and some of what came after; esbuild rewrites the rest and stops at what it cannot rewrite. */
async function bundleEdge(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./edge.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    external: ['fs', 'crypto', 'querystring'],
    legalComments: 'none',
    charset: 'ascii',
    target: 'es5',
    supported: { 'const-and-let': true, arrow: true, 'template-literal': true, 'exponent-operator': true },
  })
  const code = outputFiles[0]?.text ?? ''
  // njs has default exports only.
  return code.replace(/export \{([^}]*)\};\s*$/, 'export default {$1};\n')
}
