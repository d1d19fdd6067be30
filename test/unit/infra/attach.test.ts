import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { allViewerExceptHostHeader, cacheBehaviors } from '../../../infra/distribution/behaviours.ts'
import { cachingDisabled } from '../../../infra/distribution/origins.ts'
import { composeResources } from '../../../infra/resources.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import config from '../fixtures/edge-signer.config.ts'

const docs = readFileSync('docs/attach.md', 'utf8')
const [, hcl = ''] = /```hcl\n([\s\S]*?)```/.exec(docs) ?? []
/** `HttpApiUrl` is the framework's. */
const frameworkOutputs = ['HttpApiUrl']

interface Settings {
  readonly Origins: readonly { readonly Id: string; readonly OriginPath?: string }[]
}

function composed(changes: Record<string, unknown>) {
  return composeResources(parseDeployment(config, 'prod', { attach: true, ...changes }), {
    guard: '',
    headers: '',
    notFound: '',
  })
}
const outputsOf = (changes: Record<string, unknown> = {}) => [
  ...Object.keys(composed(changes).Outputs),
  ...frameworkOutputs,
]

describe('an attached stage', () => {
  it('makes no distribution and nothing that needs one', () => {
    for (const enforcement of ['key-group', 'gate']) {
      const { Resources, Outputs, extensions } = composed({ enforcement })
      expect(Object.values(Resources).map(({ Type }) => Type)).not.toContain('AWS::CloudFront::Distribution')
      expect(JSON.stringify({ Resources, Outputs, extensions })).not.toMatch(/\$\{Distribution[.}]|"Distribution"/)
    }
  })

  it('outputs all that the Terraform example and the table name', () => {
    const named = [...hcl.matchAll(/local\.edge\["(\w+)"\]/g)].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(10)
    const inTable = [...docs.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    )
    for (const name of [...named, ...inTable]) expect(outputsOf(), name).toContain(name)
    expect(outputsOf({ enforcement: 'gate' })).not.toContain('TrustedKeyGroupId')
  })

  it('outputs its name only if the configuration has one', () => {
    expect(outputsOf()).not.toContain('CdnHost')
    expect(outputsOf({ cdnHost: 'cdn.example.com' })).toContain('CdnHost')
  })
})

describe('the Terraform example', () => {
  it('has the behaviours of our own distribution, in their order', () => {
    const own = cacheBehaviors(parseDeployment(config, 'prod')).map(({ PathPattern }) => PathPattern)
    const lists: Record<string, string[]> = Object.fromEntries(
      [...hcl.matchAll(/(\w+_paths)\s*= (\[.*\])/g)].map(([, name = '', list = '[]']) => [name, JSON.parse(list)]),
    )
    const patterns = [...hcl.matchAll(/for_each = local\.(\w+)|path_pattern\s+= "([^"]+)"/g)].flatMap(
      ([, list, pattern]) => (list === undefined ? [pattern] : (lists[list] ?? [])),
    )
    expect(patterns).toEqual(own)
  })

  it('uses AWS’s own policies as our distribution does', () => {
    expect(hcl).toContain(cachingDisabled)
    expect(hcl).toContain(allViewerExceptHostHeader)
  })

  it('has a place for the path of the bucket’s origin, as our distribution has it', () => {
    const { Resources } = composeResources(parseDeployment(config, 'prod', { keyPrefix: 'assets/' }), {
      guard: '',
      headers: '',
      notFound: '',
    })
    const { Properties } = Resources.Distribution as unknown as { Properties: { DistributionConfig: Settings } }
    const bucket = Properties.DistributionConfig.Origins.find(({ Id }) => Id === 'bucket')
    const [, comment] = /origin_path += "" # "([^"]*)" with keyPrefix: 'assets\/'/.exec(hcl) ?? []
    expect(comment).toBe(bucket?.OriginPath)
  })

  it('never lets the default behaviour reach the bucket', () => {
    const [, body = ''] = /default_cache_behavior \{([\s\S]*?)\n {2}\}/.exec(hcl) ?? []
    expect(body).toContain('target_origin_id')
    expect(body).not.toContain('"bucket"')
  })
})
