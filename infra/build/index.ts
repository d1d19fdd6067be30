import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import { apiFunctionConfig } from '../../functions/api/config.ts'
import { guardFunctionConfig } from '../../functions/guard/config.ts'
import { headersFunctionConfig } from '../../functions/headers/config.ts'
import { notFoundFunctionConfig } from '../../functions/not-found/config.ts'
import { type Page, provisionFunctionConfig } from '../../functions/provision/config.ts'
import { publishFunctionConfig } from '../../functions/publish/config.ts'
import { rotateKeyFunctionConfig } from '../../functions/rotate-key/config.ts'
import { sessionFunctionConfig } from '../../functions/session/config.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { filesPagePath } from '../../shared/read/check-read.ts'
import type { CloudFrontFunctionCode } from '../cloudfront-functions.ts'
import { errorPage } from '../distribution/response-headers-policy.ts'
import { buildCloudFrontFunction } from './cloudfront-function.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

type LambdaName = 'session' | 'api' | 'publish' | 'provision' | 'rotate-key'

/** The result of a build. */
export interface Build {
  /** Inputs of each Lambda bundle, for the size and import contract. */
  readonly metafiles: Readonly<Record<LambdaName, Metafile>>
  /** The CloudFront Functions' code, as it goes into the template. */
  readonly code: CloudFrontFunctionCode
}

/**
 * Bundles every function of a deployment into `outDir`: each Lambda function as `<folder>/index.cjs` with its esbuild metafile
 * `<folder>.meta.json`, and `guard.js`, `headers.js` and `not-found.js`. The same input gives the same bytes.
 *
 * @throws ConfigError where CloudFront would refuse a function; esbuild's error where a bundle cannot be made.
 */
export async function buildFunctions(deployment: Deployment, outDir: string): Promise<Build> {
  await mkdir(outDir, { recursive: true })
  const pages = await buildPages(deployment, join(outDir, 'pages'))
  const [session, api, publish, provision, rotateKey, guard, headers, notFound] = await Promise.all([
    buildLambda('session', outDir, sessionFunctionConfig(deployment)),
    buildLambda('api', outDir, apiFunctionConfig(deployment)),
    buildLambda('publish', outDir, publishFunctionConfig(deployment)),
    buildLambda('provision', outDir, provisionFunctionConfig(deployment, pages)),
    buildLambda('rotate-key', outDir, rotateKeyFunctionConfig(deployment)),
    buildEdgeScript('guard', outDir, guardFunctionConfig(deployment)),
    buildEdgeScript('headers', outDir, headersFunctionConfig(deployment)),
    buildEdgeScript('not-found', outDir, notFoundFunctionConfig(deployment)),
  ])
  return {
    metafiles: { session, api, publish, provision, 'rotate-key': rotateKey },
    code: { guard, headers, notFound },
  }
}

/** Bundles one Lambda function of `config` into `<outDir>/<name>/index.cjs`. */
export async function buildLambda(name: LambdaName, outDir: string, config: object): Promise<Metafile> {
  const file = join(outDir, name, 'index.cjs')
  const { metafile } = await build({
    ...lambdaOptions,
    // In place of an `export`, which esbuild turns into half a kilobyte of getters in CommonJS.
    stdin: {
      contents: `import { handler } from ${JSON.stringify(handlerPath(name))}\n__exports__.handler = handler`,
      resolveDir: root,
    },
    define: { __exports__: 'exports' },
    outfile: file,
    // Paths in the metafile must not depend on the folder from which packaging was started.
    absWorkingDir: root,
    metafile: true,
    // A constant in front of the code, and not `define`: esbuild would make a module of an object, and have every file run it.
    // With its directive, because the one that esbuild writes comes after this line and would be without effect.
    banner: { js: `"use strict";const __CONFIG__=${JSON.stringify(config)};` },
  })
  // Beside the bundle's folder, not in it: that folder is the package.
  await writeFile(join(outDir, `${name}.meta.json`), JSON.stringify(metafile))
  return metafile
}

function buildEdgeScript(name: string, outDir: string, config: object): Promise<string> {
  return buildCloudFrontFunction({ entry: handlerPath(name), config, outFile: join(outDir, `${name}.js`) })
}

function handlerPath(name: string): string {
  return fileURLToPath(new URL(`../../functions/${name}/handler.ts`, import.meta.url))
}

const filesKey = filesPagePath.slice(1)

/**
 * Builds the pages that the provision function puts into the bucket, and writes them below `outDir`, where the emulation reads them.
 * The Files page itself is the object whose key ends in a slash, as its URL does; on disk it is `index.html`.
 */
async function buildPages({ config }: Deployment, outDir: string): Promise<readonly Page[]> {
  const pages: Page[] = [{ key: '_edge/pages/403.html', contentType: 'text/html; charset=utf-8', text: errorPage() }]
  if (config.pages.files) pages.push(...(await buildFilesPage()))
  for (const page of pages) {
    const file = join(outDir, page.key.endsWith('/') ? `${page.key}index.html` : page.key)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, page.text)
  }
  return pages
}

/** The page, its script and its style sheet. Without a hash in their names: the page is never cached without asking. */
async function buildFilesPage(): Promise<Page[]> {
  const { outputFiles } = await build({
    entryPoints: { app: join(root, 'pages/files/app.tsx'), style: join(root, 'pages/files/style.css') },
    outdir: join(root, 'dist'),
    absWorkingDir: root,
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'silent',
  })
  const made = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? ''
  const html = await readFile(join(root, 'pages/files/index.html'), 'utf8')
  const icon = await readFile(join(root, 'pages/files/icon.svg'), 'utf8')
  return [
    { key: filesKey, contentType: 'text/html; charset=utf-8', text: html },
    { key: `${filesKey}icon.svg`, contentType: 'image/svg+xml', text: icon },
    { key: `${filesKey}app.js`, contentType: 'text/javascript; charset=utf-8', text: made('app.js') },
    { key: `${filesKey}style.css`, contentType: 'text/css; charset=utf-8', text: made('style.css') },
  ]
}

/**
 * How every Lambda bundle is made. CommonJS loads faster than ES modules in Lambda, but dependencies are read as ES modules so
 * that esbuild drops unused parts.
 */
export const lambdaOptions = {
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  minify: true,
  mainFields: ['module', 'main'],
  conditions: ['module'],
  legalComments: 'none',
  logLevel: 'silent',
} as const satisfies BuildOptions
