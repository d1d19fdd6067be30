import { describe, expect, it, vi } from 'vitest'
import config from '../../../edge-signer.config.ts'
import { publicSite, requireOwnHost, type ServerOptions } from '../../../server/site.ts'
import { startServer } from '../../../server/start.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'

const options: ServerOptions = {
  stage: 'named',
  host: 'cdn.example.com',
  certificate: '/c.pem',
  key: '/k.pem',
  logs: '/logs',
}
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
    const url = (port: number, publicPort?: number) =>
      publicSite({ ...options, stage: 'prod', ...(publicPort === undefined ? {} : { publicPort }) }).url(port)
    expect(url(443)).toBe('https://cdn.example.com')
    expect(url(8443)).toBe('https://cdn.example.com:8443')
    expect(url(8443, 443)).toBe('https://cdn.example.com')
    expect(url(8443, 444)).toBe('https://cdn.example.com:444')
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
    const other = { ...options, host: 'files.example.com', port: 0 }
    await expect(startServer(other)).rejects.toThrow(/cdnHost, cdn\.example\.com/)
  })
})
