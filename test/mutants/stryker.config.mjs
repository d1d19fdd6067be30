/**
 * `npm run mutants`: changes each rule of the security core, one at a time, and runs the unit tests that reach it. A mutant that
 * survives is a rule without a test. One folder at a time: `npm run mutants -- --mutate 'shared/grant/**'`.
 */
export default {
  mutate: ['shared/**/*.ts', 'functions/{session,guard,headers}/**/*.ts'],
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'test/mutants/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // A constant of a module is a mutant that every test must run for; the rules that read it are mutated themselves.
  ignoreStatic: true,
  concurrency: 2,
  ignorePatterns: ['.local', '.serverless', 'dist'],
  tempDirName: '.local/mutants',
  // Stryker would rewrite it with an interface that TypeScript 7 no longer has; nothing here reads it.
  tsconfigFile: 'none.json',
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: '.local/mutants.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
}
