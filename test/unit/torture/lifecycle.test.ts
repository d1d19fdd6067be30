import { expect, it } from 'vitest'
import { describeLifecycle, plots, runLifecycle } from '../../torture/lifecycle/run.ts'

// Small; the whole is `npm run torture -- lifecycle --runs 10000`.
it.each(plots)('the invariants hold under crashes and races: %s', async (plot) => {
  const summary = await runLifecycle({ runs: 6, seed: 'npm test', plot, log: () => {} })
  expect(summary.failures, describeLifecycle(summary, 'npm test')).toEqual([])
})
