import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'
import { runCommand } from '../local/setup/command.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What the package's manifest takes over from this project's. */
interface Manifest {
  readonly version: string
  readonly description: string
  readonly license: string
  readonly engines: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

/**
 * Builds the npm package into `outDir`: JavaScript modules, types, licence, and a manifest that depends on what the modules
 * import and on nothing else. `npm pack dist/npm` makes a tarball of it.
 */
export async function buildPackage(outDir: string): Promise<void> {
  await rm(outDir, { recursive: true, force: true })
  await mkdir(outDir, { recursive: true })
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['package/server.ts'],
    outdir: outDir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    packages: 'external',
    metafile: true,
    logLevel: 'silent',
  })
  await build({
    absWorkingDir: root,
    entryPoints: { client: 'client/index.ts' },
    outdir: outDir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    chunkNames: 'client-[hash]',
    packages: 'external',
    logLevel: 'silent',
  })
  await emitTypes('package', join(outDir, 'types'))
  await emitTypes('client', join(outDir, 'types'))
  await writeFile(join(outDir, 'package.json'), `${JSON.stringify(await manifestFor(metafile), null, 2)}\n`)
  await cp(join(root, 'LICENSE'), join(outDir, 'LICENSE'))
  await cp(join(root, 'docs/library.md'), join(outDir, 'README.md'))
}

async function manifestFor(metafile: Metafile) {
  const { version, description, license, engines, dependencies }: Manifest = JSON.parse(
    await readFile(join(root, 'package.json'), 'utf8'),
  )
  const used = new Set(
    Object.values(metafile.outputs)
      .flatMap(({ imports }) => imports)
      .filter(({ path, external }) => external === true && !path.startsWith('node:') && !builtinModules.includes(path))
      .map(({ path }) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path),
  )
  return {
    name: 'edge-signer',
    version,
    description,
    license,
    type: 'module',
    sideEffects: false,
    engines,
    exports: {
      './client': { types: './types/client/index.d.ts', default: './client.js' },
      './server': { types: './types/package/server.d.ts', default: './server.js' },
    },
    peerDependencies: { 'tus-js-client': '^4.3.1' },
    peerDependenciesMeta: { 'tus-js-client': { optional: true } },
    dependencies: Object.fromEntries(
      [...used].sort().map((name) => {
        const exact = dependencies[name]
        if (exact === undefined) throw new TypeError(`${name} is imported and not among the dependencies`)
        return [name, exact]
      }),
    ),
  }
}

/** TypeScript keeps `.ts` in the imports of a declaration; a consumer's compiler looks for the `.d.ts` of a `.js`. */
async function emitTypes(project: string, outDir: string): Promise<void> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  await runCommand(process.execPath, [tsc, '-p', join(root, project), '--outDir', outDir])
  for (const file of await readdir(outDir, { recursive: true })) {
    if (!file.endsWith('.d.ts')) continue
    const path = join(outDir, file)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace(/((?:from|import\() ?['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage(join(root, 'dist/npm'))
