import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

it('createEdgeClient and RangeReader take at most 6 KB gzipped, and import nothing', async () => {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export { createEdgeClient, RangeReader } from './client/index.ts'`, resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    treeShaking: true,
    metafile: true,
    write: false,
    packages: 'external',
  })
  expect(gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length).toBeLessThanOrEqual(6 * 1024)
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
  expect(Object.keys(metafile.inputs).filter((file) => !/^client\/|^<stdin>$/.test(file))).toEqual([])
})
