import { defineConfig } from 'vitest/config'

/** The unit tests of the mutated folders, without those that inspect built bundles: Stryker's switches are in them. */
export default defineConfig({
  test: {
    include: ['test/unit/{shared,functions}/**/*.test.ts'],
    exclude: ['**/*bundle*.test.ts', '**/match-order.test.ts', 'test/unit/functions/{provision,rotate-key}/**'],
    isolate: false,
    setupFiles: 'test/support/restore-globals.ts',
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
