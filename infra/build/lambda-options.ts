import type { BuildOptions } from 'esbuild'

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
