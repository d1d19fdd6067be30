import { describe, expect, it } from 'vitest'
import projectConfig from '../../../edge-signer.config.ts'
import { cacheBehaviors, privatePathPatterns } from '../../../infra/distribution/behaviours.ts'
import { referToVersion } from '../../../infra/edge-function.ts'
import { loadDeployment } from '../../../infra/load-deployment.ts'
import { composeResources } from '../../../infra/resources.ts'
import { composeFragments } from '../../../infra/template.ts'
import { type Deployment, parseDeployment } from '../../../shared/config/parse.ts'
import { templateBehaviour } from '../../../shared/grant/template.ts'
import config from '../fixtures/edge-signer.config.ts'

const code = { guard: 'guard', headers: 'headers', notFound: 'not found' }

function deploymentWith(params: Record<string, unknown>): Deployment {
  return parseDeployment(config, 'dev', params)
}

describe('private behaviours', () => {
  it('come from the templates, each pattern once, the more specific first', () => {
    const deployment = deploymentWith({
      grants: ['/users/{sub}/*', '/users/{claims.team}/shared/*', '/users/team/{claims.team}/*', '/files/{sub}/*'],
    })
    const wanted = ['/users/team/*', '/users/*', '/files/*']
    expect(privatePathPatterns(deployment)).toEqual(wanted)
    const patterns = cacheBehaviors(deployment).map(({ PathPattern }) => PathPattern)
    expect(patterns.slice(-3)).toEqual(wanted)
  })

  it('serve each template of a stage', () => {
    for (const stage of Object.keys(projectConfig.stages)) {
      const deployment = parseDeployment(projectConfig, stage)
      const patterns = cacheBehaviors(deployment).map(({ PathPattern }) => PathPattern)
      expect(patterns).toEqual(expect.arrayContaining(deployment.config.grants.map(templateBehaviour)))
    }
  })
})

describe('composeResources', () => {
  const distribution = (params: Record<string, unknown>) =>
    composeResources(deploymentWith(params), code).Resources.Distribution?.Properties.DistributionConfig as Record<
      string,
      unknown
    >

  it('turns IPv6 off where policies are bound to an IPv4 address', () => {
    expect(distribution({}).IPV6Enabled).toBe(true)
    expect(distribution({ cookies: { ipBinding: true } }).IPV6Enabled).toBe(false)
  })

  it('leaves the error page out without a bootstrap, and then sandboxes errors too', () => {
    expect(distribution({ bootstrap: 'none' })).not.toHaveProperty('CustomErrorResponses')
    const { Resources } = composeResources(deploymentWith({ bootstrap: 'none' }), code)
    expect(JSON.stringify(Resources.PrivateResponseHeadersPolicy)).toContain('sandbox')
  })

  it('leaves the error page out beside an app, in either mode', () => {
    for (const enforcement of ['key-group', 'gate']) {
      const config = distribution({ appOrigin: 'app.example.com', enforcement })
      expect(config).not.toHaveProperty('CustomErrorResponses')
    }
  })

  it('lets pages of any origin read without credentials where allowedOrigins is *', () => {
    const { Resources } = composeResources(deploymentWith({ allowedOrigins: '*' }), code)
    for (const name of ['Private', 'Public', 'Answers']) {
      expect(Resources[`${name}ResponseHeadersPolicy`]?.Properties.ResponseHeadersPolicyConfig).toMatchObject({
        CorsConfig: { AccessControlAllowCredentials: false, AccessControlAllowOrigins: { Items: ['*'] } },
      })
    }
  })

  it.each(['require-corp', 'credentialless'])('isolates the pages of the app: %s', (appIsolation) => {
    const { Resources } = composeResources(deploymentWith({ appOrigin: 'app.example.com', appIsolation }), code)
    expect(Resources.AppResponseHeadersPolicy?.Properties.ResponseHeadersPolicyConfig).toMatchObject({
      CustomHeadersConfig: {
        Items: [
          { Header: 'Cross-Origin-Opener-Policy', Value: 'same-origin', Override: true },
          { Header: 'Cross-Origin-Embedder-Policy', Value: appIsolation, Override: true },
        ],
      },
    })
    expect(Resources.Distribution?.Properties.DistributionConfig).toMatchObject({
      DefaultCacheBehavior: { ResponseHeadersPolicyId: { Ref: 'AppResponseHeadersPolicy' } },
    })
  })

  it('names no origin where none is allowed: a policy with an empty list is refused', () => {
    const { Resources } = composeResources(deploymentWith({ allowedOrigins: [], pages: { files: false } }), code)
    expect(JSON.stringify(Resources)).not.toMatch(/CorsConfig|CorsConfiguration/)
  })

  describe('lets pages use the bucket', () => {
    const rulesOf = (params: Record<string, unknown>) => {
      const { Resources } = composeResources(deploymentWith({ allowedOrigins: [], ...params }), code)
      const cors = Resources.Bucket?.Properties.CorsConfiguration as { CorsRules: unknown[] } | undefined
      return cors?.CorsRules
    }
    const certificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/1'
    const own = { cdnHost: 'cdn.example.com', aliases: ['files.example.com', 'cdn.example.com'], certificateArn }

    it('that are on the CDN’s own names, and no others', () => {
      expect(rulesOf({ pages: { files: false } })).toBeUndefined()
      expect(rulesOf({})).toMatchObject([{ AllowedOrigins: ['https://*.cloudfront.net'] }])
      expect(rulesOf(own)).toEqual([
        {
          AllowedOrigins: ['https://cdn.example.com', 'https://files.example.com'],
          AllowedMethods: ['PUT', 'POST'],
          AllowedHeaders: ['*'],
          ExposedHeaders: ['ETag'],
          MaxAge: 86_400,
        },
      ])
      expect(rulesOf({ ...own, allowedOrigins: ['https://app.example.com'] })).toMatchObject([
        { AllowedOrigins: ['https://app.example.com', 'https://cdn.example.com', 'https://files.example.com'] },
      ])
    })

    it('of any origin for reading alone', () => {
      const open = { ...own, allowedOrigins: '*' }
      expect(rulesOf(open)).toMatchObject([
        { AllowedOrigins: ['https://cdn.example.com', 'https://files.example.com'] },
      ])
      expect(rulesOf({ ...open, downloads: { fallbackToS3: true } })).toMatchObject([
        { AllowedMethods: ['PUT', 'POST', 'GET', 'HEAD'] },
        { AllowedOrigins: ['*'], AllowedMethods: ['GET', 'HEAD'] },
      ])
    })

    it('for reading where S3 may serve', () => {
      for (const downloads of [{ urls: 'presigned' }, { fallbackToS3: true }]) {
        expect(rulesOf({ ...own, downloads })).toMatchObject([
          {
            AllowedMethods: ['PUT', 'POST', 'GET', 'HEAD'],
            ExposedHeaders: expect.arrayContaining(['ETag', 'Content-Range']),
          },
        ])
      }
    })
  })

  it.each([
    [undefined, 86_400, 31_536_000],
    [3600, 3600, 3600],
    [0, 0, 0],
  ])('lets CloudFront keep files for cdnCacheSeconds: %s', (cdnCacheSeconds, DefaultTTL, MaxTTL) => {
    const { Resources } = composeResources(
      deploymentWith(cdnCacheSeconds === undefined ? {} : { cdnCacheSeconds }),
      code,
    )
    const policy = { CachePolicyConfig: { MinTTL: 0, DefaultTTL, MaxTTL } }
    expect(Resources.ObjectsCachePolicy?.Properties).toMatchObject(policy)
  })

  it('tells the viewer how long a private file may be kept', () => {
    const { Resources } = composeResources(deploymentWith({ browserCache: 60 }), code)
    expect(JSON.stringify(Resources.PrivateResponseHeadersPolicy)).toContain('private, max-age=60, no-transform')
  })
})

it('refuses two fragments that define the same thing', () => {
  const fragment = { Resources: { A: { Type: 'T', Properties: {} } } }
  expect(() => composeFragments([fragment, fragment])).toThrow(/Resources\.A/)
})

it('puts the generated version in the place of its stand-in and nowhere else', () => {
  const resources = { a: { Ref: 'SessionFunctionVersion' }, b: ['SessionFunctionVersion', { Ref: 'Other' }] }
  expect(referToVersion(resources, 'SessionLambdaVersionX')).toEqual({
    a: { Ref: 'SessionLambdaVersionX' },
    b: ['SessionFunctionVersion', { Ref: 'Other' }],
  })
})

it('composes every stage of edge-signer.config.ts', () => {
  for (const stage of Object.keys(projectConfig.stages)) {
    const deployment = loadDeployment(stage, { commandLine: [], file: {} })
    expect(Object.keys(composeResources(deployment, code).Resources), stage).toContain('PrivateResponseHeadersPolicy')
  }
})
