/** CloudWatch namespace of all metrics. */
export const metricNamespace = 'EdgeSigner'

/** The metrics that regional functions count. Alarms and dashboard know them by these names. */
export const metricNames = {
  /** A revocation was written or taken back. */
  accessChanges: 'AccessChanges',
  /** Download URLs that S3 signed because CloudFront signing failed. */
  downloadFallback: 'DownloadFallback',
  /** The API answered with a fault of the service (5xx). */
  serviceFaults: 'ServiceFaults',
  /** An upload became an asset, by the bucket's event. */
  uploadsPublished: 'UploadsPublished',
  /** An upload became an asset by the hourly sweep: no event and no confirm had published it. */
  uploadsRecovered: 'UploadsRecovered',
  /** An upload was refused when its bytes had arrived. */
  uploadsRefused: 'UploadsRefused',
} as const

/** The name of one of our metrics. */
export type MetricName = (typeof metricNames)[keyof typeof metricNames]

/**
 * Fields for a log line that make it count as a metric, too: CloudWatch reads them from the log, so no function calls it.
 * One dimension, the stage, or each would be paid for in every combination.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * @param stage `<service>-<stage>`.
 * @param now epoch seconds.
 */
export function embeddedMetric(
  name: MetricName,
  count: number,
  stage: string,
  now: number,
): Readonly<Record<string, unknown>> {
  return {
    Stage: stage,
    [name]: count,
    _aws: {
      Timestamp: now * 1000,
      CloudWatchMetrics: [
        { Namespace: metricNamespace, Dimensions: [['Stage']], Metrics: [{ Name: name, Unit: 'Count' }] },
      ],
    },
  }
}
