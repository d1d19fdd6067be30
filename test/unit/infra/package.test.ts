import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pagesCsp } from '../../../infra/distribution/response-headers-policy.ts'
import { activePolicy, contentPolicy } from '../../../shared/read/answer-headers.ts'
import { type PackagedStage, type Properties, packaged, removePackages } from './packaged-stage.ts'

/** Everything that a deployment can change in the template, each run once. */
const variants = {
  dev: ['--stage', 'dev'],
  prod: [
    ...['--stage', 'prod', '--param', 'appOrigin=app.example.com', '--param', 'cdnHost=cdn.example.com'],
    ...['--param', 'aliases=files.example.com,cdn.example.com'],
    ...[
      '--param',
      'certificateArn=arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555',
    ],
  ],
  local: ['--stage', 'local'],
  gate: ['--stage', 'dev', '--param', 'enforcement=gate'],
  attach: ['--stage', 'dev', '--param', 'attach=true'],
  attachGate: ['--stage', 'dev', '--param', 'attach=true', '--param', 'enforcement=gate', '--param', 'bucket=my-files'],
  otherRegion: ['--stage', 'prod', '--param', 'bucket=my-files', '--param', 'bucketRegion=eu-west-1'],
} as const
type Variant = keyof typeof variants

const withDistribution = ['dev', 'prod', 'local', 'gate', 'otherRegion'] as const satisfies readonly Variant[]
const privatePatterns = ['/users/*', '/teams/*']
/** AWS's managed policy CachingDisabled. */
const cachingDisabled = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad'
const bucketPatterns = ['/_edge/pages/*', '/_edge/files/*', '/public/*', ...privatePatterns]

const stages = {} as Record<Variant, PackagedStage>

beforeAll(async () => {
  // Two at a time: a run is a whole command line, and more would only wait for each other.
  const names = Object.keys(variants) as Variant[]
  for (let i = 0; i < names.length; i += 2) {
    await Promise.all(
      names.slice(i, i + 2).map(async (name) => {
        stages[name] = await packaged(...variants[name])
      }),
    )
  }
}, 400_000)
afterAll(removePackages)

function resource(name: Variant, type: string): [string, { Properties: Properties; DeletionPolicy?: string }][] {
  return Object.entries(stages[name].template.Resources).filter(([, { Type }]) => Type === type)
}

function distribution(name: Variant): Properties {
  const [found] = resource(name, 'AWS::CloudFront::Distribution')
  if (found === undefined) throw new Error(`${name} has no distribution`)
  return found[1].Properties.DistributionConfig
}

function behaviours(name: Variant): Properties[] {
  const { CacheBehaviors, DefaultCacheBehavior } = distribution(name)
  return [...CacheBehaviors, DefaultCacheBehavior]
}

function behaviour(name: Variant, pathPattern: string): Properties {
  return behaviours(name).find(({ PathPattern }) => PathPattern === pathPattern)
}

function functionOf(association: Properties): string {
  return association.FunctionARN?.['Fn::GetAtt']?.[0] ?? association.LambdaFunctionARN?.Ref
}

function statementsOf(name: Variant): Properties[] {
  const ofRoles = resource(name, 'AWS::IAM::Role').flatMap(([, { Properties }]) => Properties.Policies)
  const apart = resource(name, 'AWS::IAM::Policy').map(([, { Properties }]) => Properties)
  return [...ofRoles, ...apart].flatMap(({ PolicyDocument }: Properties) => PolicyDocument.Statement)
}

describe.each(Object.keys(variants) as Variant[])('%s', (name) => {
  it('is packaged without a warning', () => {
    expect(stages[name].output).toContain('Service packaged')
    expect(stages[name].output).not.toMatch(/warning|deprecat/i)
  })

  it('keeps keys and secrets out of everything that is packaged', async () => {
    const files = (await readdir(stages[name].dir, { recursive: true, withFileTypes: true })).filter((f) => f.isFile())
    expect(files.length).toBeGreaterThan(5)
    for (const file of files) {
      const text = await readFile(join(file.parentPath, file.name), 'latin1')
      expect(text, file.name).not.toMatch(/-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{20}/)
      expect(text, file.name).not.toMatch(/"(stampKey|sessionSecret|privateKey)\\?":\\?"[^"\\]/)
    }
  })

  it('leaves the deployed bundles beside the template', async () => {
    const { dir, template } = stages[name]
    for (const [id, file] of [
      ['GuardFunction', 'guard.js'],
      ['HeadersFunction', 'headers.js'],
      ['NotFoundFunction', 'not-found.js'],
    ] as const) {
      const code = await readFile(join(dir, 'dist', file), 'utf8')
      if (template.Resources[id] !== undefined) expect(template.Resources[id].Properties.FunctionCode).toBe(code)
    }
    for (const id of ['SessionLambdaFunction', 'ApiLambdaFunction', 'PublishLambdaFunction']) {
      const { Handler } = template.Resources[id]?.Properties ?? {}
      await expect(readFile(join(dir, Handler.replace(/\.handler$/, '.cjs')), 'utf8')).resolves.toContain('exports')
    }
  })

  it('gives CloudFront Functions as plain text of at most 10 KB, published at once', () => {
    const functions = resource(name, 'AWS::CloudFront::Function')
    expect(functions.length).toBeGreaterThanOrEqual(2)
    for (const [, { Properties }] of functions) {
      expect(typeof Properties.FunctionCode).toBe('string')
      expect(Buffer.byteLength(Properties.FunctionCode)).toBeLessThanOrEqual(10 * 1024)
      expect(Properties.AutoPublish).toBe(true)
      expect(Properties.FunctionConfig.Runtime).toBe('cloudfront-js-2.0')
    }
  })

  it('gives the KeyValueStore to the guard alone', () => {
    const associated = resource(name, 'AWS::CloudFront::Function').filter(
      ([, { Properties }]) => Properties.FunctionConfig.KeyValueStoreAssociations !== undefined,
    )
    expect(associated).toHaveLength(1)
    expect(associated[0]?.[0]).toBe('GuardFunction')
    expect(associated[0]?.[1].Properties.FunctionConfig.KeyValueStoreAssociations).toEqual([
      { KeyValueStoreARN: { 'Fn::GetAtt': ['KeyValueStore', 'Arn'] } },
    ])
  })

  it('makes an edge function that Lambda@Edge accepts, and keeps it', () => {
    const session = stages[name].template.Resources.SessionLambdaFunction
    expect(session?.Properties).toMatchObject({ MemorySize: 128, Architectures: ['x86_64'] })
    expect(session?.Properties.Timeout).toBeLessThanOrEqual(5)
    for (const forbidden of ['Environment', 'Layers', 'VpcConfig', 'TracingConfig', 'DeadLetterConfig', 'KmsKeyArn']) {
      expect(session?.Properties).not.toHaveProperty(forbidden)
    }
  })

  it('keeps what it must when the stack goes, and nothing that a failed first deploy made', () => {
    const { Resources } = stages[name].template
    const kept = Object.entries(Resources).filter(([, { DeletionPolicy }]) => DeletionPolicy !== undefined)
    // The framework's version goes with its function.
    const ours = kept.filter(([, { Type }]) => Type !== 'AWS::Lambda::Version')
    expect(ours.map(([id]) => id)).toContain('SessionLambdaFunction')
    for (const [id, { DeletionPolicy, UpdateReplacePolicy }] of ours) {
      expect([DeletionPolicy, UpdateReplacePolicy], id).toEqual(['RetainExceptOnCreate', 'Retain'])
    }
    // It may still be left behind with its replicas: a fixed name would then block the next deploy.
    expect(Resources.SessionLambdaFunction?.Properties).not.toHaveProperty('FunctionName')
    expect(JSON.stringify(Resources.SessionFunctionLogs)).toContain(
      '/aws/lambda/us-east-1.$' + '{SessionLambdaFunction}:*',
    )
  })

  it('lets each role do what its function does and nothing else', () => {
    const statements = statementsOf(name)
    expect(statements.length).toBeGreaterThanOrEqual(4)
    for (const { Effect, Action, Resource } of statements) {
      expect(Effect).toBe('Allow')
      for (const action of [Action].flat()) expect(action).not.toContain('*')
      // IAM knows no resource for public keys and key groups; of all else each statement says which.
      const ofKeys = [Action].flat().every((action) => /^cloudfront:\w+(PublicKeys?|KeyGroups?)$/.test(action))
      if (ofKeys) continue
      for (const arn of [Resource].flat()) {
        expect(arn).not.toBe('*')
        expect(arn['Fn::Sub']).toMatch(/^arn:\$\{AWS::Partition\}:(secretsmanager:us-east-1|s3|logs|cloudfront):/)
      }
    }
    const session = stages[name].template.Resources.SessionFunctionRole?.Properties
    expect(session.AssumeRolePolicyDocument.Statement[0].Principal.Service).toEqual([
      'lambda.amazonaws.com',
      'edgelambda.amazonaws.com',
    ])
    const actions = session.Policies[0].PolicyDocument.Statement.flatMap(({ Action }: Properties) => Action)
    expect(actions.filter((action: string) => !action.startsWith('logs:'))).toEqual([
      'secretsmanager:GetSecretValue',
      's3:GetObject',
    ])
    expect(session.Policies[0].PolicyDocument.Statement[1].Resource['Fn::Sub']).toMatch(/\/_state\/revocations\.json$/)
    const api = stages[name].template.Resources.ApiFunctionRole?.Properties
    expect(api.AssumeRolePolicyDocument.Statement[0].Principal.Service).toEqual(['lambda.amazonaws.com'])
  })

  it('refers to nothing that is not in the template', () => {
    const { Resources, Parameters = {}, Outputs } = stages[name].template
    const known = new Set([...Object.keys(Resources), ...Object.keys(Parameters)])
    const text = JSON.stringify({ Resources, Outputs })
    const refs = [...text.matchAll(/"(?:Ref|Fn::GetAtt)":\[?"([^"]+)"/g)].map(([, id]) => id ?? '')
    expect(refs.length).toBeGreaterThan(10)
    expect(refs.filter((id) => !id.startsWith('AWS::') && !known.has(id))).toEqual([])
    expect(text).not.toContain('"SessionFunctionVersion"')
  })
})

describe.each(withDistribution)('distribution of %s', (name) => {
  it('has the behaviours in order', () => {
    expect(distribution(name).CacheBehaviors.map(({ PathPattern }: Properties) => PathPattern)).toEqual([
      '/_edge/session',
      '/_edge/session/*',
      '/_edge/pages/*',
      '/_edge/files/*',
      '/api/*',
      '/public/*',
      ...privatePatterns,
    ])
  })

  it('names only origins that exist', () => {
    const ids = distribution(name).Origins.map(({ Id }: Properties) => Id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { TargetOriginId } of behaviours(name)) expect(ids).toContain(TargetOriginId)
  })

  it('reaches the bucket from the listed behaviours alone, never from the default', () => {
    const s3 = distribution(name).Origins.filter(({ S3OriginConfig }: Properties) => S3OriginConfig !== undefined)
    expect(s3).toHaveLength(1)
    expect(s3[0]).toMatchObject({
      OriginAccessControlId: { 'Fn::GetAtt': ['OriginAccessControl', 'Id'] },
      S3OriginConfig: { OriginAccessIdentity: '' },
    })
    const reaching = behaviours(name).filter(({ TargetOriginId }) => TargetOriginId === s3[0].Id)
    expect(reaching.map(({ PathPattern }) => PathPattern)).toEqual(bucketPatterns)
  })

  it('puts functions where CloudFront lets them be', () => {
    const { Resources } = stages[name].template
    for (const { FunctionAssociations = [], LambdaFunctionAssociations = [], PathPattern } of behaviours(name)) {
      const events = [...FunctionAssociations, ...LambdaFunctionAssociations].map(({ EventType }) => EventType)
      expect(new Set(events).size, PathPattern).toBe(events.length)
      for (const association of FunctionAssociations) {
        expect(['viewer-request', 'viewer-response']).toContain(association.EventType)
        expect(Resources[functionOf(association)]?.Type).toBe('AWS::CloudFront::Function')
      }
      for (const association of LambdaFunctionAssociations) {
        expect(['viewer-request', 'viewer-response', 'origin-request', 'origin-response']).toContain(
          association.EventType,
        )
        // A numbered version: CloudFront takes neither `$LATEST` nor an alias.
        expect(Resources[functionOf(association)]?.Type).toBe('AWS::Lambda::Version')
        expect(Resources[functionOf(association)]?.Properties.FunctionName).toEqual({ Ref: 'SessionLambdaFunction' })
      }
      if (LambdaFunctionAssociations.length > 0) expect(FunctionAssociations, PathPattern).toEqual([])
    }
  })

  it('checks every request for the bucket', () => {
    for (const pattern of bucketPatterns) {
      const { FunctionAssociations = [], LambdaFunctionAssociations = [] } = behaviour(name, pattern)
      const checks = [...FunctionAssociations, ...LambdaFunctionAssociations]
        .filter(({ EventType }) => EventType === 'viewer-request')
        .map(functionOf)
      expect(checks, pattern).toHaveLength(1)
      const gated = name === 'gate' && privatePatterns.includes(pattern)
      expect(checks[0], pattern).toMatch(gated ? /^SessionLambdaVersion/ : /^GuardFunction$/)
    }
  })

  it('answers for the session from the session function', () => {
    for (const pattern of ['/_edge/session', '/_edge/session/*']) {
      const found = behaviour(name, pattern)
      expect(found.AllowedMethods).toHaveLength(7)
      expect(found.ViewerProtocolPolicy).toBe('https-only')
      expect(found.TrustedKeyGroups).toBeUndefined()
      expect(found.LambdaFunctionAssociations.map(({ EventType }: Properties) => EventType)).toEqual(['viewer-request'])
    }
  })

  it('serves bytes as they are and caches them by path', () => {
    const { ParametersInCacheKeyAndForwardedToOrigin: key } =
      stages[name].template.Resources.ObjectsCachePolicy?.Properties.CachePolicyConfig ?? {}
    expect(key).toEqual({
      CookiesConfig: { CookieBehavior: 'none' },
      QueryStringsConfig: { QueryStringBehavior: 'none' },
      HeadersConfig: { HeaderBehavior: 'none' },
      EnableAcceptEncodingGzip: false,
      EnableAcceptEncodingBrotli: false,
    })
    for (const pattern of bucketPatterns) {
      const found = behaviour(name, pattern)
      expect(found.Compress, pattern).toBe(false)
      // The Files page belongs to a release: a browser asks for it each time, and no edge keeps an old one.
      const cache = pattern === '/_edge/files/*' ? cachingDisabled : { Ref: 'ObjectsCachePolicy' }
      expect(found.CachePolicyId, pattern).toEqual(cache)
      expect(found.OriginRequestPolicyId, pattern).toBeUndefined()
      expect(found.AllowedMethods, pattern).toEqual(['GET', 'HEAD', 'OPTIONS'])
    }
  })

  it('never takes plain HTTP', () => {
    for (const { ViewerProtocolPolicy } of behaviours(name)) {
      expect(['https-only', 'redirect-to-https']).toContain(ViewerProtocolPolicy)
    }
    for (const { CustomOriginConfig } of distribution(name).Origins) {
      if (CustomOriginConfig !== undefined) expect(CustomOriginConfig.OriginProtocolPolicy).toBe('https-only')
    }
  })

  it('trusts a key group on private behaviours alone, and not in gate mode', () => {
    for (const { PathPattern, TrustedKeyGroups } of behaviours(name)) {
      const wanted = name !== 'gate' && privatePatterns.includes(PathPattern)
      const group = { 'Fn::GetAtt': ['SigningKeys', 'KeyGroupId'] }
      expect(TrustedKeyGroups, PathPattern).toEqual(wanted ? [group] : undefined)
    }
  })

  it('adds its headers also to answers that no function sees', () => {
    const { Resources } = stages[name].template
    const config = (id: string) => Resources[id]?.Properties.ResponseHeadersPolicyConfig
    for (const pattern of privatePatterns) {
      expect(behaviour(name, pattern).ResponseHeadersPolicyId).toEqual({ Ref: 'PrivateResponseHeadersPolicy' })
    }
    for (const id of ['PrivateResponseHeadersPolicy', 'PublicResponseHeadersPolicy']) {
      expect(config(id).CorsConfig).toMatchObject({ OriginOverride: true, AccessControlAllowCredentials: true })
      expect(config(id).CorsConfig.AccessControlAllowOrigins.Items).not.toContain('*')
      expect(config(id).CorsConfig.AccessControlMaxAgeSec).toBeGreaterThanOrEqual(600)
      expect(config(id).SecurityHeadersConfig.ContentTypeOptions).toEqual({ Override: true })
      expect(config(id).CustomHeadersConfig.Items).toContainEqual({
        Header: 'Cross-Origin-Resource-Policy',
        Value: 'same-site',
        Override: true,
      })
      expect(config(id).CustomHeadersConfig.Items).toContainEqual({
        Header: 'Accept-Ranges',
        Value: 'bytes',
        Override: true,
      })
    }
    expect(config('PrivateResponseHeadersPolicy').CustomHeadersConfig.Items).toContainEqual({
      Header: 'Cache-Control',
      Value: 'private, no-cache, no-transform',
      Override: true,
    })
    const csp = config('PrivateResponseHeadersPolicy').SecurityHeadersConfig.ContentSecurityPolicy
    // Objects of key-group mode get theirs from the headers function; this one is for errors.
    const { AccessControlAllowOrigins } = config('PrivateResponseHeadersPolicy').CorsConfig ?? {}
    const allowedOrigins: string[] = AccessControlAllowOrigins?.Items ?? []
    const errors = hasErrorPage(name) ? pagesCsp(allowedOrigins) : activePolicy
    expect(csp).toEqual({ ContentSecurityPolicy: name === 'gate' ? contentPolicy : errors, Override: true })
    expect(config('PagesResponseHeadersPolicy').SecurityHeadersConfig.ContentSecurityPolicy).toEqual({
      ContentSecurityPolicy: pagesCsp(allowedOrigins),
      Override: true,
    })
    expect(config('PublicResponseHeadersPolicy').SecurityHeadersConfig.ContentSecurityPolicy).toEqual({
      ContentSecurityPolicy: activePolicy,
      Override: true,
    })
  })

  it('lets pages of allowed origins read an error of CloudFront’s own, and keeps what a function wrote', () => {
    const policy = { Ref: 'AnswersResponseHeadersPolicy' }
    for (const pattern of ['/_edge/session', '/_edge/session/*', '/api/*']) {
      expect(behaviour(name, pattern).ResponseHeadersPolicyId, pattern).toEqual(policy)
    }
    const { DefaultCacheBehavior } = distribution(name)
    // The app says itself who may read its answers.
    const isApp = DefaultCacheBehavior.TargetOriginId === 'app'
    expect(DefaultCacheBehavior.ResponseHeadersPolicyId).toEqual(isApp ? undefined : policy)
    const { ResponseHeadersPolicyConfig: config } =
      stages[name].template.Resources.AnswersResponseHeadersPolicy?.Properties ?? {}
    expect(config.CorsConfig).toMatchObject({ OriginOverride: false, AccessControlAllowCredentials: true })
    expect(config.CorsConfig.AccessControlAllowOrigins.Items).not.toContain('*')
    expect(config.CustomHeadersConfig.Items).toEqual([
      { Header: 'Cross-Origin-Resource-Policy', Value: 'same-site', Override: false },
    ])
  })

  it('shows the sign-in page for a 403 only where CloudFront makes it', () => {
    expect(distribution(name).CustomErrorResponses).toEqual(
      hasErrorPage(name)
        ? [{ ErrorCode: 403, ResponseCode: 403, ResponsePagePath: '/_edge/pages/403.html', ErrorCachingMinTTL: 0 }]
        : undefined,
    )
  })
})

/** Not in gate mode, and not beside an app, whose own 403s the page would replace. */
function hasErrorPage(name: (typeof withDistribution)[number]): boolean {
  return name !== 'gate' && distribution(name).DefaultCacheBehavior.TargetOriginId !== 'app'
}

describe('the default behaviour', () => {
  it('answers 404 at the edge where there is no app', () => {
    const { TargetOriginId, FunctionAssociations } = distribution('dev').DefaultCacheBehavior
    expect(TargetOriginId).toBe('api')
    expect(FunctionAssociations.map(functionOf)).toEqual(['NotFoundFunction'])
  })

  it('is the app where there is one, under all its names', () => {
    const { DefaultCacheBehavior, Origins, Aliases, ViewerCertificate } = distribution('prod')
    const origin = Origins.find(({ Id }: Properties) => Id === DefaultCacheBehavior.TargetOriginId)
    expect(origin.DomainName).toBe('app.example.com')
    expect(DefaultCacheBehavior.FunctionAssociations).toBeUndefined()
    expect(stages.prod.template.Resources.NotFoundFunction).toBeUndefined()
    expect(Aliases).toEqual(['cdn.example.com', 'files.example.com'])
    expect(ViewerCertificate.MinimumProtocolVersion).toBe('TLSv1.2_2021')
  })
})

describe('the bucket', () => {
  it('is private, encrypted and kept', () => {
    const bucket = stages.dev.template.Resources.Bucket
    expect(Object.values(bucket?.Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true])
    expect(bucket?.Properties.OwnershipControls.Rules).toEqual([{ ObjectOwnership: 'BucketOwnerEnforced' }])
    expect(bucket?.Properties.BucketEncryption).toBeDefined()
    expect(bucket?.Properties.CorsConfiguration.CorsRules[0]).toMatchObject({
      AllowedOrigins: ['https://app.example.com', 'http://localhost:*', 'https://*.cloudfront.net'],
      ExposedHeaders: ['ETag'],
    })
    const [abort, incoming] = bucket?.Properties.LifecycleConfiguration.Rules ?? []
    expect(abort).toMatchObject({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } })
    expect(incoming).toMatchObject({ Prefix: '_incoming/', ExpirationInDays: 3 })
  })

  it('is looked through each hour by the function that its events call', () => {
    const isHourly = ({ ScheduleExpression }: Properties) => ScheduleExpression === 'rate(1 hour)'
    for (const name of ['dev', 'attach', 'otherRegion'] as const) {
      const [[id, rule] = []] = resource(name, 'AWS::Events::Rule').filter(([, { Properties }]) => isHourly(Properties))
      expect(rule?.Properties).toMatchObject({
        State: 'ENABLED',
        Targets: [{ Arn: { 'Fn::GetAtt': ['PublishLambdaFunction', 'Arn'] } }],
      })
      // The handler knows the rule by `source`, which another input would replace.
      expect(rule?.Properties.Targets[0]).not.toHaveProperty('Input')
      const permissions = resource(name, 'AWS::Lambda::Permission').map(([, { Properties }]) => Properties)
      expect(permissions.filter(({ SourceArn }) => SourceArn?.['Fn::GetAtt']?.[0] === id)).toMatchObject([
        { Principal: 'events.amazonaws.com', FunctionName: { 'Fn::GetAtt': ['PublishLambdaFunction', 'Arn'] } },
      ])
    }
  })

  it('is read by this distribution alone, and there only what a behaviour serves', () => {
    const [read, list, tls] = stages.dev.template.Resources.BucketPolicy?.Properties.PolicyDocument.Statement ?? []
    const arn = { 'Fn::Sub': `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:distribution/\${Distribution}` }
    for (const statement of [read, list]) {
      expect(statement.Principal).toEqual({ Service: 'cloudfront.amazonaws.com' })
      expect(statement.Condition).toEqual({ ArnLike: { 'AWS:SourceArn': arn } })
    }
    expect(read.Action).toBe('s3:GetObject')
    expect(read.Resource.map((sub: Properties) => sub['Fn::Sub'].split(`\${Bucket}`)[1])).toEqual(bucketPatterns)
    expect(list.Action).toBe('s3:ListBucket')
    expect(tls).toMatchObject({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })
  })

  it('may be an existing one of another Region', () => {
    expect(resource('otherRegion', 'AWS::S3::Bucket').map(([id]) => id)).toEqual([
      'ServerlessDeploymentBucket',
      'AccessLogBucket',
    ])
    expect(stages.otherRegion.template.Resources.BucketPolicy).toBeUndefined()
    const s3 = distribution('otherRegion').Origins.find(({ Id }: Properties) => Id === 'bucket')
    expect(s3.DomainName).toEqual({ 'Fn::Sub': `my-files.s3.eu-west-1.\${AWS::URLSuffix}` })
    const policy = stages.otherRegion.template.Outputs.BucketPolicyToAdd?.Value['Fn::Sub']
    expect(JSON.parse(policy)).toHaveLength(3)
    expect(policy).toContain(`distribution/\${Distribution}`)
    expect(JSON.stringify(statementsOf('otherRegion'))).toContain('s3:::my-files/_state/revocations.json')
  })
})

describe('signing keys', () => {
  const names = ['dev', 'gate', 'attach', 'otherRegion', 'local'] as const satisfies readonly Variant[]

  it.each(names)('of %s are made by a custom resource that is called at each deploy', (name) => {
    const { Properties } = stages[name].template.Resources.SigningKeys ?? { Properties: {} }
    const { Deployment, ...rest } = Properties
    expect(rest).toEqual({
      ServiceToken: { 'Fn::GetAtt': ['ProvisionLambdaFunction', 'Arn'] },
      ServiceTimeout: 600,
      Algorithm: 'ES256',
      SessionSecret: name === 'local' ? 'shared' : 'none',
      KeyValueStoreArn: { 'Fn::GetAtt': ['KeyValueStore', 'Arn'] },
      BucketName: name === 'otherRegion' ? 'my-files' : { Ref: 'Bucket' },
      BucketRegion: name === 'otherRegion' ? 'eu-west-1' : 'us-east-1',
    })
    // The time of packaging: without a difference CloudFormation would not call the function.
    expect(Deployment).toMatch(/^\d{13}-\d{4}-/)
    expect(stages[name].template.Parameters ?? {}).toEqual({})
  })

  it.each(names)('of %s need nothing that needs them', (name) => {
    const { Resources } = stages[name].template
    const needs = (id: string): string[] =>
      [...JSON.stringify(Resources[id] ?? {}).matchAll(/"Ref":"(\w+)"|"Fn::GetAtt":\["(\w+)"|\$\{(\w+)[.}]|"(\w+)"/g)]
        .flatMap(([, ...found]) => found.filter((other) => other !== undefined && other !== id && other in Resources))
        .map(String)
    const reached = new Set<string>()
    const visit = (id: string) => {
      if (reached.has(id)) return
      reached.add(id)
      for (const other of needs(id)) visit(other)
    }
    visit('SigningKeys')
    expect(reached).toContain('ProvisionLambdaFunction')
    expect([...reached].filter((id) => /^(Distribution|BucketPolicy|KeyRotation|RotateKey)/.test(id))).toEqual([])
  })

  it('are rotated on a schedule that does not begin with the deploy, by the one function that the secret may call', () => {
    const { KeyRotation, RotateKeyPermission } = stages.dev.template.Resources
    const secret = { 'Fn::GetAtt': ['SigningKeys', 'SecretArn'] }
    expect(KeyRotation?.Properties).toMatchObject({
      SecretId: secret,
      RotationLambdaARN: { 'Fn::GetAtt': ['RotateKeyLambdaFunction', 'Arn'] },
      RotateImmediatelyOnUpdate: false,
    })
    expect(RotateKeyPermission?.Properties).toMatchObject({
      Principal: 'secretsmanager.amazonaws.com',
      SourceArn: secret,
      SourceAccount: { Ref: 'AWS::AccountId' },
    })
    expect(resource('dev', 'AWS::Events::Rule').map(([, { Properties }]) => Properties.ScheduleExpression)).toContain(
      'rate(1 day)',
    )
  })
})

describe('attach', () => {
  it('leaves the distribution out and names what one needs', () => {
    expect(resource('attach', 'AWS::CloudFront::Distribution')).toEqual([])
    expect(Object.keys(stages.attach.template.Outputs)).toEqual(
      expect.arrayContaining([
        ...['SessionFunctionVersionArn', 'GuardFunctionArn', 'HeadersFunctionArn', 'KeyValueStoreArn'],
        ...['ObjectsCachePolicyId', 'PrivateResponseHeadersPolicyId', 'PublicResponseHeadersPolicyId'],
        ...[
          'AnswersResponseHeadersPolicyId',
          'PagesResponseHeadersPolicyId',
          'OriginAccessControlId',
          'TrustedKeyGroupId',
          'BucketName',
          'HttpApiUrl',
        ],
      ]),
    )
    expect(stages.attach.template.Outputs.DistributionId).toBeUndefined()
    expect(stages.attachGate.template.Outputs.TrustedKeyGroupId).toBeUndefined()
  })
})

it('stops at a wrong deployment with one message', async () => {
  const failure = await packaged('--stage', 'dev', '--param', 'foo=1').catch((error) => error)
  expect(failure.code).toBe(1)
  expect(failure.stdout + failure.stderr).toContain(
    '--param "foo" is not a deployment parameter; known are: enforcement,',
  )
  expect(failure.stdout + failure.stderr).not.toMatch(/^\s+at /m)
}, 60_000)
