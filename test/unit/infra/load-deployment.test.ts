import { describe, expect, it, vi } from 'vitest'
import { loadDeployment } from '../../../infra/load-deployment.ts'

vi.mock('../../../edge-signer.config.ts', () => import('../fixtures/edge-signer.config.ts'))

describe('loadDeployment', () => {
  const load = (...commandLine: string[]) => loadDeployment('prod', { commandLine, file: {} }).config
  const certificate = 'certificateArn=arn:aws:acm:us-east-1:123456789012:certificate/1'

  it('refuses a stage that is not there, and a wrong value', () => {
    expect(() => loadDeployment('nowhere', { commandLine: [], file: {} })).toThrow(/^stage "nowhere" is not in/)
    expect(() => load('enforcement=maybe')).toThrow(/enforcement: /)
  })

  it('refuses a cookie domain without a name of its own: *.cloudfront.net can set no such cookie', () => {
    const message = /^cookies\.domain: needs cdnHost or aliases/
    expect(() => load('cookieDomain=example.com')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringMatching(message) }),
    )
    expect(() => load('cookieDomain=example.com', 'attach=true')).toThrow(message)
    expect(load('cookieDomain=example.com', 'cdnHost=cdn.example.com', certificate).cookies.domain).toBe('example.com')
    expect(load('cookieDomain=example.com', 'aliases=cdn.example.com', certificate).cookies.domain).toBe('example.com')
  })

  it.each(['co.uk', 'github.io', 'cloudfront.net', 'com', 'amplifyapp.com'])(
    'refuses the cookie domain %s, under which strangers have names',
    (domain) => {
      const host = `cdnHost=cdn.example.${domain}`
      expect(() => load(`cookieDomain=${domain}`, host, certificate)).toThrow(/^cookies\.domain: /)
      expect(load(`cookieDomain=example.${domain}`, host, certificate).cookies.domain).toBe(`example.${domain}`)
    },
  )

  it('takes one for an emulation, whose name is not in the configuration', () => {
    expect(load('cookieDomain=example.test', 'emulated=true').cookies.domain).toBe('example.test')
    expect(() => load('cookieDomain=example.test', 'emulated=false')).toThrow(/cookies\.domain/)
  })
})
