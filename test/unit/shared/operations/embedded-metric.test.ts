import { expect, it } from 'vitest'
import { embeddedMetric } from '../../../../shared/operations/embedded-metric.ts'

it('is one metric of one stage in the embedded format', () => {
  expect(embeddedMetric('ServiceFaults', 3, 'svc-test', 1_893_456_000)).toEqual({
    Stage: 'svc-test',
    ServiceFaults: 3,
    _aws: {
      // Milliseconds, as the specification wants them.
      Timestamp: 1_893_456_000_000,
      CloudWatchMetrics: [
        {
          Namespace: 'EdgeSigner',
          Dimensions: [['Stage']],
          Metrics: [{ Name: 'ServiceFaults', Unit: 'Count' }],
        },
      ],
    },
  })
})
