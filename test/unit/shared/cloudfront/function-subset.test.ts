import { build } from 'esbuild'
import { expect, test } from 'vitest'

/**
 * Features of cloudfront-js-2.0 and njs beyond ES5.1. esbuild lowers what it can and fails on the rest: classes, spread,
 * destructuring, for-of, default parameters.
 */
const supported = Object.fromEntries(
  [
    'const-and-let',
    'arrow',
    'template-literal',
    'async-await',
    'rest-argument',
    'object-extensions',
    'exponent-operator',
    'regexp-named-capture-groups',
  ].map((feature) => [feature, true]),
)

test.each([
  'cloudfront/signed-request.ts',
  'cloudfront/parse-policy.ts',
  'cloudfront/errors.ts',
  'revocation/stamp-format.ts',
  'revocation/key-value.ts',
  'read/check-read.ts',
  'read/cors.ts',
  'read/answer-headers.ts',
  'read/function-response.ts',
  'cloudfront/signing-fields.ts',
])('shared/%s stays within the language of CloudFront Functions and imports nothing', async (path) => {
  const { outputFiles, metafile } = await build({
    entryPoints: [`shared/${path}`],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es5',
    supported,
    logLevel: 'silent',
  })
  expect(outputFiles[0]?.text).not.toMatch(/\bnew (Map|Set)\b|\.at\(|Object\.(hasOwn|entries|fromEntries)\b/)
  expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([])
})
