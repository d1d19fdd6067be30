import { expect, it } from 'vitest'
import { describeLifecycle, runLifecycle } from '../../torture/lifecycle/run.ts'
import { scenarios } from '../../torture/lifecycle/scenarios.ts'

// Small; the whole is `npm run torture -- lifecycle --runs 10000`.
it.each(Object.keys(scenarios))('the invariants hold under crashes and races: %s', async (plot) => {
  const summary = await runLifecycle({ runs: 6, seed: 'npm test', plot, log: () => {} })
  expect(summary.failures, describeLifecycle(summary, 'npm test')).toEqual([])
})
