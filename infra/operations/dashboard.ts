import type { Deployment } from '../../shared/config/parse.ts'
import { metricNames } from '../../shared/operations/embedded-metric.ts'
import { ids, resourceName } from '../names.ts'
import { type Fragment, sub } from '../template.ts'
import { distributionMetric, edgeScriptMetric, lambdaMetric, type Metric, ownMetric } from './alarms.ts'

/** A graph: its heading and its lines. */
interface Graph {
  readonly title: string
  readonly metrics: readonly Metric[]
}

const columns = 3
const width = 24 / columns
const height = 6

/** The operator's first page: what viewers see, what the functions do, the counters. */
export function dashboardFragment(deployment: Deployment): Fragment {
  const name = resourceName(deployment, 'overview')
  return {
    Resources: {
      Dashboard: {
        Type: 'AWS::CloudWatch::Dashboard',
        Properties: {
          DashboardName: name,
          DashboardBody: sub(JSON.stringify({ widgets: graphs(deployment).map(widget) })),
        },
      },
    },
    Outputs: {
      DashboardUrl: {
        Description: 'Dashboard',
        Value: `https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/${name}`,
      },
    },
  }
}

function graphs(deployment: Deployment): readonly Graph[] {
  const scripts = ['guard', 'headers'] as const
  const functions = [ids.apiFunction, ids.publishFunction, ids.rotateKeyFunction]
  return [
    ...(deployment.config.attach ? [] : distributionGraphs()),
    {
      title: 'CloudFront Functions: errors and throttles',
      metrics: scripts.flatMap((part) => [
        edgeScriptMetric(deployment, part, 'FunctionExecutionErrors'),
        edgeScriptMetric(deployment, part, 'FunctionThrottles'),
      ]),
    },
    {
      title: 'CloudFront Functions: compute utilisation (stay below 50)',
      metrics: scripts.map((part) => edgeScriptMetric(deployment, part, 'FunctionComputeUtilization')),
    },
    { title: 'Regional functions: errors', metrics: functions.map((id) => lambdaMetric(id, 'Errors')) },
    { title: 'Regional functions: calls', metrics: functions.map((id) => lambdaMetric(id, 'Invocations')) },
    {
      title: 'API: time of an answer, p99 (ms)',
      metrics: [lambdaMetric(ids.apiFunction, 'Duration')],
    },
    { title: 'Counted', metrics: Object.values(metricNames).map((metric) => ownMetric(deployment, metric)) },
  ]
}

function distributionGraphs(): readonly Graph[] {
  return [
    { title: 'Requests', metrics: [distributionMetric('Requests')] },
    { title: 'Bytes', metrics: [distributionMetric('BytesDownloaded')] },
    {
      title: 'Refused and failed (%)',
      metrics: [distributionMetric('4xxErrorRate'), distributionMetric('5xxErrorRate')],
    },
  ]
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
function widget({ title, metrics }: Graph, index: number) {
  return {
    type: 'metric',
    x: (index % columns) * width,
    y: Math.floor(index / columns) * height,
    width,
    height,
    properties: {
      title,
      region: 'us-east-1',
      view: 'timeSeries',
      period: 300,
      metrics: metrics.map(({ namespace, name, dimensions, statistic }) => [
        namespace,
        name,
        ...Object.entries(dimensions).flat(),
        { stat: statistic },
      ]),
    },
  }
}
