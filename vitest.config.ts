import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/**
 * Unit tests that start programs or replace modules and globals. In the others a worker loads each module once for all of its
 * files, which halves their time.
 */
const isolated = [
  'test/unit/*.test.ts',
  'test/unit/{deploy,infra,local,server}/**/*.test.ts',
  'test/unit/cli/revoke.test.ts',
  'test/unit/functions/session/match-order.test.ts',
]

export default defineConfig({
  test: {
    // By default vitest leaves one core idle, which is half of a small machine.
    maxWorkers: availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: isolated,
          isolate: false,
          setupFiles: 'test/support/restore-globals.ts',
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: { name: 'unit-isolated', include: isolated, testTimeout: 30_000, hookTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          globalSetup: 'test/contract/shared-emulations.ts',
          testTimeout: 30_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        // Real servers and a real browser: one file at a time, with time for a slow machine.
        test: {
          name: 'e2e',
          sequence: { groupOrder: 1 },
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 90_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
