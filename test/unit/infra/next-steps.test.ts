import { describe, expect, it } from 'vitest'
import { nextSteps } from '../../../infra/package-stage.ts'

const text = (outputs: Record<string, string>) => nextSteps('prod', new Map(Object.entries(outputs))).join('\n')
const own = { DistributionDomainName: 'd1.cloudfront.net', CdnHost: 'd1.cloudfront.net', DashboardUrl: 'https://x' }

describe('nextSteps', () => {
  it('say the address, a curl line and the doctor', () => {
    expect(text(own)).toContain('https://d1.cloudfront.net/_edge/session')
    expect(text(own)).toContain('npx edge-signer doctor --stage prod')
    expect(text(own)).not.toContain('point ')
  })

  it('say where to point a name of one’s own', () => {
    expect(text({ ...own, CdnHost: 'cdn.example.com' })).toContain('point cdn.example.com at d1.cloudfront.net')
  })

  it('of an attached stage lead to the distribution that is elsewhere', () => {
    expect(text({ GuardFunctionArn: 'arn' })).toMatch(/docs\/attach\.md[\s\S]*doctor --stage prod --url/)
    expect(text({ GuardFunctionArn: 'arn', CdnHost: 'cdn.example.com' })).not.toContain('--url')
  })
})
