import type { Deployment } from '../../shared/config/parse.ts'
import { type MetricName, metricNamespace } from '../../shared/operations/embedded-metric.ts'
import { ids, resourceName } from '../names.ts'
import { type Fragment, type Resource, ref, sub } from '../template.ts'

/** When an alarm rings. */
interface Alarm {
  /** Part of its name, and its heading in docs/operations.md. */
  readonly name: string
  readonly says: string
  readonly metric: Metric
  /** Rings above this, or below with `below`. */
  readonly threshold: number
  readonly below?: true
  /** Seconds of one look, and how many looks of how many have to be bad. */
  readonly period: number
  readonly looks: readonly [bad: number, of: number]
}

const fiveMinutes = 300
const day = 86_400
const once: Pick<Alarm, 'period' | 'looks' | 'threshold'> = { period: fiveMinutes, looks: [1, 1], threshold: 0 }

/** The topic that alarms go to, and the alarms. An attached distribution is watched by its owner. */
export function alarmsFragment(deployment: Deployment): Fragment {
  const { attach, operations } = deployment.config
  const alarms = [
    ...(attach ? [] : distributionAlarms()),
    ...edgeScriptAlarms(deployment),
    ...regionalAlarms(deployment),
  ]
  return {
    Resources: {
      [ids.alarmTopic]: {
        Type: 'AWS::SNS::Topic',
        Properties: { TopicName: resourceName(deployment, 'alarms') },
      },
      ...(operations.alarmEmail === null
        ? {}
        : {
            AlarmEmail: {
              Type: 'AWS::SNS::Subscription',
              Properties: { TopicArn: ref(ids.alarmTopic), Protocol: 'email', Endpoint: operations.alarmEmail },
            },
          }),
      ...Object.fromEntries(alarms.map((alarm) => [logicalId(alarm.name), alarmResource(deployment, alarm)])),
    },
    Outputs: { AlarmTopicArn: { Description: 'Topic of the alarms', Value: ref(ids.alarmTopic) } },
  }
}

/** CloudFront's own metrics say what viewers see, wherever they are. */
function distributionAlarms(): readonly Alarm[] {
  return [
    {
      name: 'edge-5xx',
      says: 'More than 1 % of the answers are 5xx: a function or an origin fails',
      metric: distributionMetric('5xxErrorRate'),
      threshold: 1,
      period: fiveMinutes,
      looks: [2, 3],
    },
    {
      name: 'edge-4xx',
      says: 'More than half of the answers are 4xx: cookies are refused, or somebody searches for files',
      metric: distributionMetric('4xxErrorRate'),
      threshold: 50,
      period: fiveMinutes,
      looks: [3, 3],
    },
  ]
}

/** An error here is a 503 for the viewer: these functions fail closed. */
function edgeScriptAlarms(deployment: Deployment): readonly Alarm[] {
  return (['guard', 'headers'] as const).flatMap((part) => [
    {
      name: `${part}-errors`,
      says: `The CloudFront Function ${part} failed`,
      metric: edgeScriptMetric(deployment, part, 'FunctionExecutionErrors'),
      ...once,
    },
    {
      name: `${part}-throttles`,
      says: `The CloudFront Function ${part} was throttled: it computes for too long`,
      metric: edgeScriptMetric(deployment, part, 'FunctionThrottles'),
      ...once,
    },
  ])
}

function regionalAlarms(deployment: Deployment): readonly Alarm[] {
  return [
    { name: 'api-errors', says: 'The API crashed', metric: lambdaMetric(ids.apiFunction, 'Errors'), ...once },
    {
      name: 'api-faults',
      says: 'The API answers with faults of the service: keys, revocation state or store are unavailable',
      metric: ownMetric(deployment, 'ServiceFaults'),
      threshold: 10,
      period: fiveMinutes,
      looks: [1, 1],
    },
    {
      name: 'publish-errors',
      says: 'Uploads that arrived were not published; the hourly sweep tries again',
      metric: lambdaMetric(ids.publishFunction, 'Errors'),
      ...once,
    },
    {
      name: 'download-fallback',
      says: 'S3 signs download URLs in the place of CloudFront; they know no revocation',
      metric: ownMetric(deployment, 'DownloadFallback'),
      ...once,
    },
    {
      name: 'rotation-errors',
      says: 'A rotation of the signing key, or the daily rule, failed',
      metric: lambdaMetric(ids.rotateKeyFunction, 'Errors'),
      ...once,
    },
    {
      name: 'rotation-missing',
      says: 'The daily rule of the signing keys did not run: old keys stay',
      metric: lambdaMetric(ids.rotateKeyFunction, 'Invocations'),
      threshold: 1,
      below: true,
      period: day,
      looks: [2, 2],
    },
  ]
}

function alarmResource(
  deployment: Deployment,
  { name, says, metric, threshold, below, period, looks }: Alarm,
): Resource {
  const [bad, of] = looks
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName: resourceName(deployment, name),
      AlarmDescription: `${says}. docs/operations.md, "${name}"`,
      Namespace: metric.namespace,
      MetricName: metric.name,
      Dimensions: Object.entries(metric.dimensions).map(([Name, value]) => ({
        Name,
        Value: value.includes('${') ? sub(value) : value,
      })),
      ...(metric.statistic === 'p99' ? { ExtendedStatistic: 'p99' } : { Statistic: metric.statistic }),
      Period: period,
      EvaluationPeriods: of,
      DatapointsToAlarm: bad,
      Threshold: threshold,
      ComparisonOperator: below ? 'LessThanThreshold' : 'GreaterThanThreshold',
      // No request is no fault; but a rule that did not run leaves no data either.
      TreatMissingData: below ? 'breaching' : 'notBreaching',
      AlarmActions: [ref(ids.alarmTopic)],
      OKActions: [ref(ids.alarmTopic)],
    },
  }
}

/** `edge-5xx` → `Edge5xxAlarm`. */
function logicalId(name: string): string {
  const words = name.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1))
  return `${words.join('')}Alarm`
}

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
