import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { build, type Plugin, transform } from 'esbuild'
import { ConfigError } from '../../shared/errors.ts'

/** Max size of one function's code, in bytes ("Quotas on CloudFront Functions"). */
const maxCode = 10 * 1024

/** The modules of cloudfront-js-2.0; everything else must be in the bundle. */
const runtimeModules = ['cloudfront', 'crypto', 'querystring', 'buffer']

/**
 * ES5.1 and what cloudfront-js-2.0 has beyond it ("JavaScript runtime 2.0 features for CloudFront Functions"). esbuild
 * rewrites optional chaining, `??`, shorthand and the like, and stops at what it cannot rewrite: classes, destructuring,
 * for-of, spread, default parameters, generators.
 */
const language = {
  target: 'es5',
  supported: {
    'const-and-let': true,
    arrow: true,
    'template-literal': true,
    'async-await': true,
    'rest-argument': true,
    'object-extensions': true,
    'exponent-operator': true,
    'regexp-named-capture-groups': true,
  },
} as const

/** Globals of browsers and Node that CloudFront Functions do not have. njs or Node in a test would not miss them. */
const missingGlobals = [
  ...['BigInt', 'Function', 'Intl', 'Map', 'Proxy', 'Set', 'SharedArrayBuffer', 'WeakMap', 'WeakRef', 'WeakSet'],
  ...['URL', 'URLSearchParams', 'WebAssembly', 'XMLHttpRequest', 'eval', 'fetch', 'process', 'queueMicrotask'],
  ...['setImmediate', 'setInterval', 'setTimeout', 'structuredClone'],
]
const marker = 'missing_in_cloudfront_functions_'

/** One CloudFront Function to build. */
export interface CloudFrontFunctionBuild {
  /** Path of the module that exports `handler`. */
  readonly entry: string
  /** The function's `__CONFIG__`; JSON only. */
  readonly config: object
  /** Path to which the code is written, too; its folder is made. */
  readonly outFile?: string
}

/**
 * Builds one CloudFront Function: a plain script for cloudfront-js-2.0 with `handler` at its top level.
 *
 * @throws ConfigError where CloudFront would refuse the code: unknown syntax, module or global, no handler, over 10 KB.
 */
export async function buildCloudFrontFunction({ entry, config, outFile }: CloudFrontFunctionBuild): Promise<string> {
  const bundled = await bundle(entry, config)
  const missing = new RegExp(`\\b${marker}(\\w+)`).exec(bundled)
  if (missing !== null) throw new ConfigError(`${entry}: CloudFront Functions have no ${missing[1]}`)

  const { imports, script } = splitModule(entry, bundled)
  const text = `${imports}${await minify(entry, script)}`
  const size = Buffer.byteLength(text)
  if (size > maxCode) throw new ConfigError(`${entry}: ${size} bytes, CloudFront accepts ${maxCode}`)

  if (outFile !== undefined) {
    await mkdir(dirname(outFile), { recursive: true })
    await writeFile(outFile, text)
  }
  return text
}

async function bundle(entry: string, config: object): Promise<string> {
  const result = await build({
    ...language,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    minifySyntax: true,
    legalComments: 'none',
    charset: 'ascii',
    logLevel: 'silent',
    external: runtimeModules,
    plugins: [refuseNodeModules],
    define: {
      ...defineMembers('__CONFIG__', config),
      // Longer names for the same things, since ES2015.
      'Number.POSITIVE_INFINITY': 'Infinity',
      'Number.parseInt': 'parseInt',
      ...Object.fromEntries(missingGlobals.map((name) => [name, `${marker}${name}`])),
    },
  }).catch((error: { errors?: { text: string; location: { file: string; line: number } | null }[] }) => {
    const faults = (error.errors ?? []).map((e) => `${e.location?.file ?? entry}:${e.location?.line ?? 0}: ${e.text}`)
    throw new ConfigError(`${entry} cannot be a CloudFront Function:\n  ${faults.join('\n  ')}`)
  })
  // Warnings are about code that means something else at run time; there is no reason to deploy such code.
  const warning = result.warnings[0]
  if (warning !== undefined) throw new ConfigError(`${entry}: ${warning.text}`)
  return result.outputFiles[0]?.text ?? ''
}

/**
 * Defines `name` and every member that can be written with dots, so that `__CONFIG__.corp` becomes the value itself and
 * what no code reads is left out.
 */
function defineMembers(name: string, value: unknown): Record<string, string> {
  const defined = { [name]: JSON.stringify(value) }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return defined
  for (const [key, member] of Object.entries(value)) {
    if (/^[A-Za-z_]\w*$/.test(key)) Object.assign(defined, defineMembers(`${name}.${key}`, member))
  }
  return defined
}

/** Splits the bundle into the imports of the runtime's modules and the code, without the export at its end. */
function splitModule(entry: string, bundled: string): { imports: string; script: string } {
  const imports: string[] = []
  const script = bundled
    .replace(/^import .*;\n/gm, (line) => {
      imports.push(line)
      return ''
    })
    .replace(/^export \{\s*handler\s*\};\s*$/m, '')
  // The runtime knows default imports only.
  const odd = imports.find((line) => !/^import \w+ from "\w+";\n$/.test(line))
  if (odd !== undefined) throw new ConfigError(`${entry}: CloudFront Functions cannot read ${odd.trim()}`)
  if (/^(?:import|export)\b/m.test(script) || !/^(?:async )?function handler\(\w*\) \{/m.test(script)) {
    throw new ConfigError(`${entry}: must export function handler and nothing else`)
  }
  return { imports: imports.join(''), script }
}

/**
 * Shortens all names but `handler`, which CloudFront looks for. As a module esbuild would rename that too, as a script it would
 * keep every name at the top; so the function is marked inside and gets its name back.
 */
async function minify(entry: string, script: string): Promise<string> {
  const mark = '"the function that CloudFront calls";'
  const marked = script.replace(/^((?:async )?function handler\([^)]*\) \{)/m, `$1${mark}`)
  const source = `${marked}\nexport { handler };`
  const { code } = await transform(source, {
    ...language,
    format: 'esm',
    minify: true,
    legalComments: 'none',
    charset: 'ascii',
  })
  const text = code
    .replace(/export\s*\{\s*\w+ as handler\s*\};?\s*$/, '')
    .replace(new RegExp(`function \\w+\\((\\w*)\\)\\{${mark}`), 'function handler($1){')
  if (!text.includes('function handler(') || text.includes(mark)) throw new ConfigError(`${entry}: lost its handler`)
  return text
}

const refuseNodeModules: Plugin = {
  name: 'cloudfront-modules',
  setup(builder) {
    builder.onResolve({ filter: /^node:/ }, ({ path }) => ({
      errors: [{ text: `CloudFront Functions have no module ${path}` }],
    }))
  },
}
