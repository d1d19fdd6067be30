import { expect, it } from 'vitest'
import { connectionLimits } from '../../../../local/cloudfront/plan.ts'

it('a worker runs out of connections before it runs out of files: it would answer 404 for a file that is there', () => {
  for (const hardLimit of [1024, 20_000, 65_536, 1_048_576]) {
    const { files, perWorker } = connectionLimits(hardLimit)
    expect(files).toBeLessThanOrEqual(hardLimit)
    // Three connections and a file for each range, and what a worker has open at rest.
    expect((perWorker / 3) * 4 + 100).toBeLessThan(files)
  }
  expect(connectionLimits(1_048_576)).toEqual({ files: 65_536, perWorker: 16_384 })
})
