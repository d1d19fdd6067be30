import { describe, expect, it, vi } from 'vitest'
import config from '../../../edge-signer.config.ts'
import { publicUrl } from '../../../local/addresses.ts'
import { requireOwnHost } from '../../../local/production.ts'
import { startEmulation } from '../../../local/supervisor.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'

const production = { stage: 'prod', host: 'cdn.example.com', certificate: '/c.pem', key: '/k.pem', logs: '/logs' }
const { certificateArn } = vi.hoisted(() => ({
  certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/x',
}))

vi.mock('../../../edge-signer.config.ts', async (original) => {
  const { default: real } = await original<{ default: typeof config }>()
  const named = { ...real.stages.prod, cdnHost: 'cdn.example.com', certificateArn }
  return { default: { ...real, stages: { ...real.stages, named } } }
})

describe('a server for the public', () => {
  it('is reached by the port that clients use', () => {
    expect(publicUrl({ production }, 443)).toBe('https://cdn.example.com')
    expect(publicUrl({ production }, 8443)).toBe('https://cdn.example.com:8443')
    expect(publicUrl({ production: { ...production, publicPort: 443 } }, 8443)).toBe('https://cdn.example.com')
    expect(publicUrl({ production: { ...production, publicPort: 444 } }, 8443)).toBe('https://cdn.example.com:444')
  })

  it('has the address that its stage makes cookies for', () => {
    const stage = (changes: object) => parseDeployment(config, 'prod', { certificateArn, ...changes })
    expect(() => requireOwnHost(stage({}), 'https://any.example.com:8443')).not.toThrow()
    expect(() => requireOwnHost(stage({ cdnHost: 'cdn.example.com' }), 'https://cdn.example.com')).not.toThrow()
    for (const url of ['https://files.example.com', 'https://cdn.example.com:8443']) {
      expect(() => requireOwnHost(stage({ cdnHost: 'cdn.example.com' }), url), url).toThrow(
        /cdnHost, cdn\.example\.com/,
      )
    }
  })
  it('does not start under another', async () => {
    const other = { ...production, stage: 'named', host: 'files.example.com' }
    await expect(startEmulation({ port: 0, production: other })).rejects.toThrow(/cdnHost, cdn\.example\.com/)
  })
})
