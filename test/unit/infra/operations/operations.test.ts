import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { accessLogFields, accessLogsFragment } from '../../../../infra/operations/access-logs.ts'
import { alarmsFragment } from '../../../../infra/operations/alarms.ts'
import { dashboardFragment } from '../../../../infra/operations/dashboard.ts'
import { composeResources } from '../../../../infra/resources.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import { metricNames, metricNamespace } from '../../../../shared/operations/embedded-metric.ts'
import type { Properties } from '../packaged-stage.ts'

const session = { algorithms: ['HS256' as const], issuer: null, audience: null }
const deployment = (changes: Record<string, unknown> = {}) =>
  parseDeployment(
    { service: 'svc', defaults: { session, grants: ['/users/{sub}/*'] }, stages: { test: {} } },
    'test',
    changes,
  )
const resourcesOf = (changes?: Record<string, unknown>): Record<string, Properties> =>
  composeResources(deployment(changes), { guard: '', headers: '', notFound: '' }).Resources

describe('access logs', () => {
  it('hold no field in which a cookie, a session or a signed URL can stand', () => {
    for (const field of ['cs(Cookie)', 'cs-uri-query', 'cs(Referer)', 'cs-headers', 'cs-header-names']) {
      expect(accessLogFields).not.toContain(field)
    }
    expect(accessLogFields).toContain('cs-uri-stem')
    const { AccessLogDelivery, AccessLogDestination } = resourcesOf()
    expect(AccessLogDelivery.Properties.RecordFields).toEqual(accessLogFields)
    // This format is a list of chosen fields; the older logging writes them all.
    expect(AccessLogDestination.Properties.OutputFormat).toBe('json')
    expect(resourcesOf().Distribution.Properties.DistributionConfig).not.toHaveProperty('Logging')
  })

  it('go to a private bucket of their own that empties itself and stays when the stack goes', () => {
    const { AccessLogBucket: bucket, AccessLogBucketPolicy: policy } = resourcesOf({
      operations: { accessLogDays: 7 },
    })
    expect(bucket.DeletionPolicy).toBe('RetainExceptOnCreate')
    // A fixed name would be taken when the stack is made again.
    expect(bucket.Properties).not.toHaveProperty('BucketName')
    expect(Object.values(bucket.Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true])
    expect(bucket.Properties.LifecycleConfiguration.Rules).toEqual([
      expect.objectContaining({ Status: 'Enabled', ExpirationInDays: 7 }),
    ])
    const allowed = policy.Properties.PolicyDocument.Statement.filter(({ Effect }: Properties) => Effect === 'Allow')
    expect(allowed).toHaveLength(1)
    expect(allowed[0]).toMatchObject({
      Principal: { Service: 'delivery.logs.amazonaws.com' },
      Action: 's3:PutObject',
      Condition: {
        StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
        ArnLike: { 'aws:SourceArn': { 'Fn::Sub': expect.stringContaining(':delivery-source:svc-test-access-logs') } },
      },
    })
    expect(resourcesOf().AccessLogSource.Properties.ResourceArn['Fn::Sub']).toContain(`distribution/\${Distribution}`)
  })

  it('are left out for an attached distribution, and if the configuration says so', () => {
    expect(accessLogsFragment(deployment({ attach: true }))).toEqual({})
    expect(accessLogsFragment(deployment({ operations: { accessLogDays: null } }))).toEqual({})
  })
})

describe('alarms', () => {
  const alarmsOf = (changes?: Record<string, unknown>): Properties[] =>
    Object.values(alarmsFragment(deployment(changes)).Resources ?? {}).filter(
      ({ Type }) => Type === 'AWS::CloudWatch::Alarm',
    )
  const docs = readFileSync('docs/operations.md', 'utf8')

  it('each go to the topic, and have a heading in docs/operations.md that says what to do', () => {
    expect(alarmsOf().length).toBeGreaterThanOrEqual(10)
    for (const { Properties } of alarmsOf()) {
      expect(Properties.AlarmActions).toEqual([{ Ref: 'AlarmTopic' }])
      const name = Properties.AlarmName.replace('svc-test-', '')
      expect(docs, name).toContain(`\`${name}\``)
      expect(Properties.AlarmDescription).toContain('docs/operations.md')
      expect(Properties.DatapointsToAlarm).toBeLessThanOrEqual(Properties.EvaluationPeriods)
      // CloudWatch refuses an alarm that looks back further than a week.
      expect(Properties.Period * Properties.EvaluationPeriods).toBeLessThanOrEqual(604_800)
    }
    expect(new Set(alarmsOf().map(({ Properties }) => Properties.AlarmName)).size).toBe(alarmsOf().length)
  })

  it('watch the edge by CloudFront’s own metrics, which are in one Region', () => {
    const edge = alarmsOf().filter(({ Properties }) => Properties.Namespace === 'AWS/CloudFront')
    const regions = edge.map(({ Properties }) =>
      Properties.Dimensions.find(({ Name }: Properties) => Name === 'Region'),
    )
    expect(edge.length).toBeGreaterThanOrEqual(6)
    for (const region of regions) expect(region?.Value).toBe('Global')
    const attached = alarmsOf({ attach: true })
    expect(JSON.stringify(attached)).not.toContain('DistributionId')
    expect(attached.length).toBe(alarmsOf().length - 2)
  })

  it('ring where the daily rule left no data, and nowhere else for silence', () => {
    const breaching = alarmsOf().filter(({ Properties }) => Properties.TreatMissingData === 'breaching')
    expect(breaching.map(({ Properties }) => Properties.AlarmName)).toEqual(['svc-test-rotation-missing'])
    expect(breaching[0]?.Properties.ComparisonOperator).toBe('LessThanThreshold')
  })

  it('know our own metrics by the names that the functions write', () => {
    const own = alarmsOf().filter(({ Properties }) => Properties.Namespace === metricNamespace)
    expect(own.length).toBeGreaterThan(0)
    for (const { Properties } of own) {
      expect(Object.values(metricNames)).toContain(Properties.MetricName)
      expect(Properties.Dimensions).toEqual([{ Name: 'Stage', Value: 'svc-test' }])
    }
  })

  it('reach a person only where an address is given', () => {
    const subscription = (changes?: Record<string, unknown>) =>
      alarmsFragment(deployment(changes)).Resources?.AlarmEmail
    expect(subscription()).toBeUndefined()
    const email = subscription({ operations: { alarmEmail: 'ops@example.com' } })
    expect(email?.Properties).toMatchObject({ Protocol: 'email', Endpoint: 'ops@example.com' })
    expect(() => deployment({ operations: { alarmEmail: 'nobody' } })).toThrow(/operations\.alarmEmail/)
  })
})

describe('the dashboard', () => {
  const widgetsOf = (changes?: Record<string, unknown>): Properties[] => {
    const body = dashboardFragment(deployment(changes)).Resources?.Dashboard?.Properties.DashboardBody as Properties
    return JSON.parse(body['Fn::Sub']).widgets
  }

  it('is JSON whose references are in the template', () => {
    const body = JSON.stringify(widgetsOf())
    const references = [...body.matchAll(/\$\{([^}]+)\}/g)].map(([, id]) => id ?? '')
    expect(new Set(references)).toEqual(
      new Set(['Distribution', 'ApiLambdaFunction', 'PublishLambdaFunction', 'RotateKeyLambdaFunction']),
    )
    expect(JSON.stringify(widgetsOf({ attach: true }))).not.toContain(`\${Distribution}`)
  })

  it('shows every metric of the service, and no graph covers another', () => {
    const widgets = widgetsOf()
    const shown = new Set(widgets.flatMap(({ properties }) => properties.metrics.map((line: string[]) => line[1])))
    for (const name of Object.values(metricNames)) expect(shown, name).toContain(name)
    expect(new Set(widgets.map(({ x, y }) => `${x},${y}`)).size).toBe(widgets.length)
    for (const { x, width } of widgets) expect(x + width).toBeLessThanOrEqual(24)
  })
})
