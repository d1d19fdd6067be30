import type { Deployment } from '../../shared/config/parse.ts'
import { type MetricName, metricNamespace } from '../../shared/operations/embedded-metric.ts'
import { ids, resourceName } from '../names.ts'

/** One CloudWatch metric. Values of dimensions may hold `${…}` references, for `Fn::Sub`. */
export interface Metric {
  readonly namespace: string
  readonly name: string
  readonly dimensions: Readonly<Record<string, string>>
  readonly statistic: 'Average' | 'Sum' | 'p99'
}

/**
 * A metric of the distribution. Edge alarms rest on these and not on Lambda@Edge's own: those land in whatever Region served
 * the viewer. A failing function is a 5xx here.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
 */
export function distributionMetric(name: 'Requests' | 'BytesDownloaded' | '4xxErrorRate' | '5xxErrorRate'): Metric {
  const dimensions = { DistributionId: `\${${ids.distribution}}`, Region: 'Global' }
  return { namespace: 'AWS/CloudFront', name, dimensions, statistic: name.endsWith('Rate') ? 'Average' : 'Sum' }
}

/** A metric of one of our CloudFront Functions. */
export function edgeScriptMetric(
  deployment: Deployment,
  part: 'guard' | 'headers',
  name: 'FunctionExecutionErrors' | 'FunctionValidationErrors' | 'FunctionThrottles' | 'FunctionComputeUtilization',
): Metric {
  const dimensions = { FunctionName: resourceName(deployment, part), Region: 'Global' }
  return {
    namespace: 'AWS/CloudFront',
    name,
    dimensions,
    statistic: name === 'FunctionComputeUtilization' ? 'Average' : 'Sum',
  }
}

/** A metric of a regional function. */
export function lambdaMetric(functionId: string, name: 'Errors' | 'Throttles' | 'Invocations' | 'Duration'): Metric {
  return {
    namespace: 'AWS/Lambda',
    name,
    dimensions: { FunctionName: `\${${functionId}}` },
    statistic: name === 'Duration' ? 'p99' : 'Sum',
  }
}

/** A metric that our functions write into their logs. */
export function ownMetric(deployment: Deployment, name: MetricName): Metric {
  const dimensions = { Stage: `${deployment.service}-${deployment.stage}` }
  return { namespace: metricNamespace, name, dimensions, statistic: 'Sum' }
}
