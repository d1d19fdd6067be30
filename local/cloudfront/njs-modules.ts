import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { EdgeConfig } from './edge-config.ts'
import type { NginxAddition, NjsModule } from './plan.ts'

/**
 * The njs side of the edge: a folder for `js_path`.
 *
 * nginx creates a new njs VM for each request and runs every imported module in it. So the deployed functions and the modules of
 * additions are written as lazy modules, whose code runs when it is first called. `main.js` joins them and exports everything that
 * nginx calls. `edge.json` is the preloaded configuration.
 */
export async function writeEdgeModules(
  directory: string,
  config: EdgeConfig,
  functions: Readonly<Record<string, string>>,
  additions: readonly NginxAddition[],
): Promise<void> {
  copyCloudFrontModule(directory)
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text)
  const preload = (name: string, value: unknown) =>
    // The value of an addition may contain a secret.
    writeFileSync(join(directory, `${name}.json`), JSON.stringify(value), { mode: 0o600 })
  preload('edge', config)
  const edge = await bundle(fileURLToPath(new URL('./njs/edge.ts', import.meta.url)))
  write('edge.js', edge.replace(/export \{([^}]*)\};\s*$/, 'export default {$1};\n'))
  const writeLazy = async (name: string, entry: string) => {
    const code = await bundle(entry)
    write(
      `${name}.js`,
      lazyModule(code, (script) => script.replace(/export \{([^}]*)\};\s*$/, 'return {$1};')),
    )
  }
  await writeLazy('answer', fileURLToPath(new URL('./njs/answer.ts', import.meta.url)))
  const modules = additions.flatMap((addition) => addition.modules ?? [])
  for (const { name, entry } of modules) await writeLazy(name, entry)
  for (const { files = [], preloads = {} } of additions) {
    for (const file of files) copyFileSync(file, join(directory, basename(file)))
    for (const [name, value] of Object.entries(preloads)) preload(name, value)
  }
  for (const [id, code] of Object.entries(functions)) {
    write(
      `${id}.js`,
      lazyModule(code, (script) => `${script}\nreturn handler;`),
    )
  }
  write('main.js', mainModule(Object.keys(functions), modules))
}

/** Puts the `cloudfront` module of CloudFront Functions into a folder for `js_path` or `njs -p`, which is created. */
export function copyCloudFrontModule(directory: string): void {
  mkdirSync(directory, { recursive: true })
  copyFileSync(fileURLToPath(new URL('./njs/cloudfront.js', import.meta.url)), join(directory, 'cloudfront'))
}

/**
 * Returns a module whose code runs when its default export is called. Imports stay at the top, because a function cannot contain
 * them.
 */
export function lazyModule(code: string, finish: (script: string) => string): string {
  const imports: string[] = []
  const script = code.replace(/^import\s+\w+\s+from\s*["'][^"'\n]+["'];?[ \t]*$/gm, (line) => {
    imports.push(line)
    return ''
  })
  return [...imports, 'function load() {', finish(script.trimEnd()), '}', 'export default load', ''].join('\n')
}

/** Returns the text of `main.js`. `functions` are the logical ids of the deployed functions. */
function mainModule(functions: readonly string[], modules: readonly NjsModule[]): string {
  const uses = (module: string) =>
    functions.map((id, index) => `${module}.use(${JSON.stringify(id)}, function${index})`)
  return [
    "import edge from 'edge.js'",
    "import loadAnswer from 'answer.js'",
    ...modules.map(({ name }) => `import ${loader(name)} from '${name}.js'`),
    ...functions.map((id, index) => `import load${index} from '${id}.js'`),
    ...functions.flatMap((_, index) => [
      `let loaded${index}`,
      `function function${index}() { return loaded${index} === undefined ? (loaded${index} = load${index}()) : loaded${index} }`,
    ]),
    ...uses('edge'),
    ...modules.flatMap(({ name, decisions, handlers }) => [
      `let ${name}Module`,
      `function ${name}() {`,
      `  if (${name}Module !== undefined) return ${name}Module`,
      `  ${name}Module = ${loader(name)}()`,
      ...uses(`${name}Module`).map((line) => `  ${line}`),
      `  return ${name}Module`,
      '}',
      ...decisions.map((decision) => `function ${decision}(r) { ${name}().${decision}(r); return '' }`),
      ...handlers.map((handler) => `function ${handler}(r) { ${name}().${handler}(r) }`),
    ]),
    // A variable gets the value of the last statement that njs ran, which may be a promise's reaction, so a decision returns ''.
    "function decide(r) { edge.decide(r); return '' }",
    'function respond(r) { loadAnswer().respond(r, edge.decided) }',
    'function refuse(r) { loadAnswer().answerRefusal(r) }',
    'function tooLarge(r) { loadAnswer().answerTooLarge(r) }',
    'function finishPage(r) { loadAnswer().finishPage(r) }',
    'export default {',
    '  decide, range: edge.range, finish: edge.finish, respond, refuse, tooLarge, finishPage,',
    ...modules.map(({ decisions, handlers }) => `  ${[...decisions, ...handlers].join(', ')},`),
    '}',
    '',
  ].join('\n')
}

function loader(name: string): string {
  return `load${name[0]?.toUpperCase()}${name.slice(1)}`
}

/** Bundles a TypeScript module for njs 0.7: ES5.1 and a few later features. esbuild fails on syntax that it cannot rewrite. */
async function bundle(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file],
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
