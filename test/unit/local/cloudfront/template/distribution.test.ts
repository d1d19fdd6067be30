import { describe, expect, it } from 'vitest'
import { readDistribution } from '../../../../../local/cloudfront/template/distribution.ts'
import { UnsupportedConstructError } from '../../../../../local/local-error.ts'
import { smallTemplate } from './small-template.ts'

type Properties = Record<string, unknown>
const first = (list: unknown): Properties => (list as Properties[])[0] as Properties

function faultOf(change: Parameters<typeof smallTemplate>[0]): UnsupportedConstructError {
  try {
    readDistribution(smallTemplate(change))
  } catch (error) {
    if (error instanceof UnsupportedConstructError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('readDistribution', () => {
  it('keeps the order of behaviours, the default last', () => {
    const { behaviours } = readDistribution(smallTemplate())
    expect(behaviours.map(({ pathPattern }) => pathPattern)).toEqual([
      '/private/*',
      '/lambda/*',
      '/files/*.txt',
      'files/*',
      '*',
    ])
  })

  it('reads who checks, who runs and what is forwarded', () => {
    const [signed, lambda, both, , rest] = readDistribution(smallTemplate()).behaviours
    expect(signed).toMatchObject({ signed: true, allowedMethods: ['GET', 'HEAD'], origin: { kind: 'bucket' } })
    expect(lambda?.viewerRequest).toEqual({ kind: 'lambda-edge', logicalId: 'EdgeFunction', includeBody: false })
    expect(both?.viewerResponse).toEqual({ kind: 'cloudfront-function', logicalId: 'Seen' })
    expect(both?.forward).toEqual({ headers: [], host: false, cookies: 'none', querystrings: 'none' })
    expect(rest?.forward).toEqual({ headers: 'all', host: false, cookies: 'all', querystrings: 'all' })
    expect(rest?.origin).toMatchObject({ kind: 'http-api', apiId: 'Api' })
  })

  it('takes an error response without a page for what it is: a caching time', () => {
    expect(readDistribution(smallTemplate()).errorPages).toEqual([])
  })

  it.each<[string, string, Parameters<typeof smallTemplate>[0]]>([
    [
      'a property of a behaviour',
      'CacheBehaviors[0].SmoothStreaming',
      (d) => Object.assign(first(d.CacheBehaviors), { SmoothStreaming: true }),
    ],
    ['origin groups', 'OriginGroups', (d) => Object.assign(d, { OriginGroups: {} })],
    [
      'an origin event',
      'EventType',
      (d) =>
        Object.assign(first(d.CacheBehaviors), {
          FunctionAssociations: [{ EventType: 'origin-request', FunctionARN: 'x' }],
        }),
    ],
    [
      'an unknown managed policy',
      'CacheBehaviors[0]',
      (d) => Object.assign(first(d.CacheBehaviors), { CachePolicyId: '00000000-0000-0000-0000-000000000000' }),
    ],
    ['a condition', 'Resources', (_d, t) => Object.assign(t.Resources.Distribution as Properties, { Type: 'Other' })],
    [
      'an intrinsic function',
      'Fn::ImportValue',
      (d) => Object.assign(first(d.CacheBehaviors), { PathPattern: { 'Fn::ImportValue': 'x' } }),
    ],
    [
      'a missing origin',
      'TargetOriginId',
      (d) => Object.assign(first(d.CacheBehaviors), { TargetOriginId: 'nowhere' }),
    ],
    [
      'two key groups',
      'DistributionConfig',
      (d) => Object.assign((d.CacheBehaviors as Properties[])[3] as Properties, { TrustedKeyGroups: ['other'] }),
    ],
    [
      'custom origin headers',
      'OriginCustomHeaders',
      (d) => Object.assign(first(d.Origins), { OriginCustomHeaders: [] }),
    ],
  ])('refuses %s and names the place', (_what, place, change) => {
    const fault = faultOf(change)
    expect(fault.code).toBe('ERR_CONFIG')
    expect(`${fault.construct}: ${fault.message}`).toContain(place)
  })
})
