import { describe, expect, it } from 'vitest'
import { readParams } from '../../../infra/deployment-params.ts'
import { paramSources, parseFileParams } from '../../../infra/load-deployment.ts'

describe('readParams', () => {
  it('lets the command line win over the stage, and the stage over the default', () => {
    const file = {
      default: { bucket: 'from-default', cdnHost: 'default.example.com', appOrigin: 'default.example.com' },
      dev: { bucket: 'from-stage', cdnHost: 'stage.example.com' },
      prod: { bucket: 'from-prod' },
    }
    expect(readParams('dev', { commandLine: ['bucket=from-line'], file })).toEqual({
      bucket: 'from-line',
      cdnHost: 'stage.example.com',
      appOrigin: 'default.example.com',
    })
  })

  it('reads lists and flags, and leaves a wrong flag to the schema', () => {
    const read = (...commandLine: string[]) => readParams('dev', { commandLine, file: {} })
    expect(read('aliases=a.example.com, b.example.com')).toEqual({ aliases: ['a.example.com', 'b.example.com'] })
    expect(read('attach=true')).toEqual({ attach: true })
    expect(read('attach=false')).toEqual({ attach: false })
    expect(read('attach=yes')).toEqual({ attach: 'yes' })
    expect(read('appOrigin=a=b')).toEqual({ appOrigin: 'a=b' })
    expect(read('cookieDomain=example.com')).toEqual({ cookies: { domain: 'example.com' } })
  })

  it.each([['foo=1'], ['constructor=1'], ['__proto__=1'], ['session={}'], ['enforcement'], ['=x']])(
    'refuses %s',
    (item) => {
      expect(() => readParams('dev', { commandLine: [item], file: {} })).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG' }),
      )
    },
  )

  it('refuses an unknown parameter of the file too', () => {
    expect(() => readParams('dev', { commandLine: [], file: { dev: { foo: 1 } } })).toThrow(/"foo"/)
  })
})

describe('params of serverless.yml', () => {
  it('are read as packaging is handed them', () => {
    expect(paramSources(['a=b'])).toEqual({ commandLine: ['a=b'], file: { default: {}, dev: {}, prod: {} } })
    const yaml = 'params:\n  default:\n  prod:\n    attach: true\n    aliases: [a.example.com]\nx: !Ref y\n'
    expect(parseFileParams(yaml)).toEqual({ default: {}, prod: { attach: true, aliases: ['a.example.com'] } })
    expect(parseFileParams('service: x')).toEqual({})
  })

  it.each(['params: []', 'params:\n  prod: x'])('are refused where they are no mapping: %s', (yaml) => {
    expect(() => parseFileParams(yaml)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }))
  })

  it('may be variables where the command line says what they stand for', () => {
    const given = '$' + '{env:CDN_HOST}'
    const file = { prod: { cdnHost: given, aliases: ['a.example.com', given] } }
    const both = ['cdnHost=cdn.example.com', 'aliases=a.example.com']
    expect(() => readParams('prod', { commandLine: [], file })).toThrow(/--param="cdnHost=/)
    expect(() => readParams('prod', { commandLine: both.slice(0, 1), file })).toThrow(/--param="aliases=/)
    expect(readParams('prod', { commandLine: both, file })).toMatchObject({ cdnHost: 'cdn.example.com' })
  })
})
