import { describe, expect, it } from 'vitest'
import projectConfig from '../../../../edge-signer.config.ts'
import { type EdgeSignerConfig, parseDeployment } from '../../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../../shared/config/stage-config.ts'
import { ConfigError } from '../../../../shared/errors.ts'
import { maxGrants } from '../../../../shared/grant/grants-for.ts'
import { parseGrantTemplate } from '../../../../shared/grant/template.ts'
import config from '../../fixtures/edge-signer.config.ts'

const session = { algorithms: ['HS256'], issuer: 'a', audience: 'b' } satisfies StageConfigInput['session']
const stage = (own: Record<string, unknown>): EdgeSignerConfig => ({
  service: 'edge-signer',
  defaults: { session, grants: ['/users/{sub}/*'] },
  stages: { test: own as Partial<StageConfigInput> },
})
const withKeys = (...keys: object[]) => ({ ...session, algorithms: ['ES256'], jwks: { keys } })
const named = (cookieName: string) => ({ ...session, cookieName })
const hosts = {
  cdnHost: 'cdn.example.com',
  aliases: ['files.example.com'],
  certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/1',
}
const parse = (own: Record<string, unknown>, params = {}) => parseDeployment(stage(own), 'test', params).config

function messageOf(own: Record<string, unknown>, service = 'edge-signer'): string {
  try {
    parseDeployment({ ...stage(own), service }, 'test')
  } catch (error) {
    if (error instanceof ConfigError) return `${error.message}\n`
    throw error
  }
  throw new Error('nothing was refused')
}

describe('parseDeployment', () => {
  it.each(Object.keys(projectConfig.stages))('accepts the stage %s of edge-signer.config.ts', (name) => {
    expect(parseDeployment(projectConfig, name).stage).toBe(name)
  })

  it('gives the stage local of edge-signer.config.ts, whatever service and defaults are: demo and tests run on it', () => {
    const defaults: EdgeSignerConfig['defaults'] = {
      enforcement: 'gate',
      bootstrap: 'none',
      session: { algorithms: ['RS256'], jwksUrl: 'https://login.example.org/jwks', issuer: 'i', audience: 'a' },
      grants: ['/customers/{sub}/*'],
      cookies: { ttlSeconds: 60, ipBinding: true },
      allowedOrigins: ['https://www.example.org'],
      corp: 'same-origin',
      rangeOnly: ['/customers/'],
      browserCache: 600,
      signOut: { endSession: false },
      uploads: { maxBytes: 1 },
      downloads: { urls: 'plain' },
      adminScope: 'admin',
    }
    const edited = { ...projectConfig, service: 'customer-files', defaults }
    expect(parseDeployment(edited, 'local').config).toEqual(parseDeployment(projectConfig, 'local').config)
  })

  it('fills in the safe defaults', () => {
    expect(parse({})).toMatchObject({
      enforcement: 'key-group',
      bootstrap: 'error-page',
      cookies: { ttlSeconds: 3600, domain: null, sameSite: 'Lax', ipBinding: false },
      appIsolation: null,
      session: { cookieName: '__Host-session', clockSkewSeconds: 60 },
      browserCache: 'no-cache',
      corp: 'same-site',
      signOut: { endSession: true },
      keys: { algorithm: 'ES256' },
    })
  })

  it('keeps no copies of files in browsers where no header says that they are data and not scripts', () => {
    expect(parse({ browserCache: 60 }).browserCache).toBe(60)
    expect(() => parse({ browserCache: 60, enforcement: 'gate' })).toThrow(/browserCache: must be 'no-cache' .*'gate'/)
    expect(() => parse({ browserCache: 60 }, { enforcement: 'gate' })).toThrow(/browserCache/)
  })

  it('shows no error page beside an app, whose own 403s it would replace', () => {
    const app = { appOrigin: 'app.example.com' }
    expect(parse(app).bootstrap).toBe('none')
    expect(parse({}, app).bootstrap).toBe('none')
    expect(parse({ ...app, bootstrap: 'none' }).bootstrap).toBe('none')
    const wanted = { ...app, bootstrap: 'error-page' }
    for (const refused of [() => parse(wanted), () => parse({ bootstrap: 'error-page' }, app)]) {
      expect(refused).toThrow(/bootstrap: error-page would replace .*enforcement: 'gate'.*\/_edge\/session/)
    }
    // There is no error page where the session function guards the files.
    expect(parse({ ...wanted, enforcement: 'gate' }).bootstrap).toBe('error-page')
  })

  it('lets a deployment parameter win over the stage, and the stage over the defaults', () => {
    expect(parse({ enforcement: 'key-group' }, { enforcement: 'gate' }).enforcement).toBe('gate')
  })

  it('changes only those fields of a block that a parameter has', () => {
    const { cookies } = parse({ cookies: { ttlSeconds: 120 } }, { cookies: { domain: 'example.com' } })
    expect(cookies).toEqual({ ttlSeconds: 120, domain: 'example.com', sameSite: 'Lax', ipBinding: false })
  })

  it('takes a cookie domain that all names have in common', () => {
    expect(parse({ ...hosts, cookies: { domain: 'example.com' } }).cookies.domain).toBe('example.com')
    const one = { ...hosts, aliases: [], cookies: { domain: 'cdn.example.com' } }
    expect(parse(one).cookies.domain).toBe('cdn.example.com')
  })

  it('takes public keys as they are, and shows no member of others', () => {
    const key = { kty: 'EC', crv: 'P-256', x: 'a', y: 'b', kid: '1' }
    expect(parse({ session: withKeys(key) }).session.jwks).toEqual({ keys: [key] })
    expect(() => parse({ session: withKeys({ kty: 'EC', d: 'very-private' }) })).toThrow(/^(?!.*very-private)/s)
  })

  const wrong: [what: string, own: Record<string, unknown>, message: RegExp][] = [
    ['an unknown field', { enforcment: 'gate' }, /enforcment/],
    ['an unknown mode', { enforcement: 'none' }, /enforcement: .*"key-group"/],
    ['a TTL over a day', { cookies: { ttlSeconds: 86_401 } }, /cookies\.ttlSeconds: must be at most 86400 seconds/],
    ['a TTL that is not whole', { cookies: { ttlSeconds: 90.5 } }, /cookies\.ttlSeconds: must be whole seconds/],
    ['a template without a wildcard', { grants: ['/users/{sub}/'] }, /grants\.0: must look like/],
    ['a template that starts with a claim', { grants: ['/{sub}/*'] }, /grants\.0: must look like/],
    ['a template with a dot segment', { grants: ['/users/../{sub}/*'] }, /grants\.0: must not hold dot segments/],
    [
      'a template on a reserved path',
      { grants: ['/api/{sub}/*'] },
      /grants\.0: must not start with a reserved segment/,
    ],
    ['a template twice', { grants: ['/users/{sub}/*', '/users/{sub}/*'] }, /listed twice/],
    ['HS256 beside RS256', { session: { ...session, algorithms: ['HS256', 'RS256'] } }, /HS256 cannot be mixed/],
    ['the algorithm none', { session: { ...session, algorithms: ['none'] } }, /session\.algorithms\.0/],
    ['public-key algorithms without keys', { session: { ...session, algorithms: ['RS256'] } }, /need jwksUrl or jwks/],
    ['an issuer left out', { session: { algorithms: ['HS256'], audience: 'b' } }, /session\.issuer/],
    ['a JWKS over http', { session: { ...session, algorithms: ['RS256'], jwksUrl: 'http://a.example/jwks' } }, /https/],
    ['a key of another kind', { session: withKeys({ kty: 'RSA' }) }, /session\.jwks: must hold a key that verifies/],
    ['a key of another curve', { session: withKeys({ kty: 'EC', crv: 'P-384' }) }, /session\.jwks: must hold a key/],
    [
      'a key for another algorithm',
      { session: withKeys({ kty: 'EC', crv: 'P-256', alg: 'ECDH-ES' }) },
      /session\.jwks: must hold a key/,
    ],
    [
      'a key for encryption',
      { session: withKeys({ kty: 'EC', crv: 'P-256', use: 'enc' }, { kty: 'EC', crv: 'P-256', key_ops: ['sign'] }) },
      /session\.jwks: must hold a key/,
    ],
    ['an empty key set', { session: withKeys() }, /session\.jwks\.keys: must hold at least one key/],
    ['a private key', { session: withKeys({ kty: 'EC', d: 'x' }) }, /session\.jwks\.keys\.0: must be a public key/],
    ['a private RSA key', { session: withKeys({ kty: 'RSA' }, { kty: 'RSA', qi: 'x' }) }, /session\.jwks\.keys\.1: /],
    ['a shared secret', { session: withKeys({ kty: 'oct' }) }, /session\.jwks\.keys\.0: .*shared secret/],
    ['a secret without its type', { session: withKeys({ k: 'x' }) }, /session\.jwks\.keys\.0: must be a public key/],
    [
      'a cookie name of CloudFront',
      { session: named('CloudFront-Policy') },
      /session\.cookieName: must not start with/,
    ],
    ['a reserved cookie name', { session: named('edge-grants') }, /session\.cookieName: must not start with/],
    ['a login URL that leaves the site', { session: { ...session, loginUrl: '//evil.example' } }, /session\.loginUrl/],
    ['an origin with a path', { allowedOrigins: ['https://a.example/app'] }, /allowedOrigins\.0: must be an origin/],
    ['an origin of any host', { allowedOrigins: ['*'] }, /allowedOrigins\.0/],
    ['another text for all origins', { allowedOrigins: 'all' }, /allowedOrigins: must be a list of origins, or '\*'/],
    [
      'reads of all origins with cookies of other sites',
      { allowedOrigins: '*', cookies: { sameSite: 'none' } },
      /cookies\.sameSite: 'none' needs allowedOrigins/,
    ],
    [
      'reads of all origins with cookies of a domain',
      { ...hosts, aliases: [], allowedOrigins: '*', cookies: { domain: 'example.com' } },
      /allowedOrigins: '\*' is for reads without cookies/,
    ],
    [
      'reads of all origins without signed URLs',
      { allowedOrigins: '*', downloads: { urls: 'plain' } },
      /allowedOrigins: '\*' is for stages whose pages read by signed URLs/,
    ],
    ['cookies of other sites that nobody named', { cookies: { sameSite: 'none' } }, /cookies\.sameSite: 'none' needs/],
    ['cookies without SameSite', { cookies: { sameSite: 'None' } }, /cookies\.sameSite: must be 'lax' or 'none'/],
    [
      'files that every site embeds with its visitor’s cookies',
      { allowedOrigins: ['https://a.example'], corp: 'cross-origin', cookies: { sameSite: 'none' } },
      /corp: cross-origin would let every site embed/,
    ],
    ['isolation of no app', { appIsolation: 'require-corp' }, /appIsolation: needs appOrigin/],
    ['a cdnHost without a certificate', { cdnHost: 'cdn.example.com' }, /certificateArn/],
    [
      'a cookie domain beside cdnHost',
      { ...hosts, cookies: { domain: 'other.org' } },
      /cookies\.domain: must be cdn\.example\.com and files\.example\.com or a parent of it/,
    ],
    [
      'a cookie domain that ends like cdnHost',
      { ...hosts, cookies: { domain: 'ample.com' } },
      /cookies\.domain: must be cdn\.example\.com/,
    ],
    [
      'a cookie domain of one alias only',
      { ...hosts, cookies: { domain: 'cdn.example.com' } },
      /cookies\.domain: must be files\.example\.com or/,
    ],
    ['a new bucket in another Region', { bucketRegion: 'eu-west-1' }, /only an existing bucket/],
  ]
  it.each(wrong)('refuses %s and names the field', (_, own, message) => {
    expect(() => parse(own)).toThrow(ConfigError)
    expect(() => parse(own)).toThrow(message)
  })

  it('suggests the field that an unknown one resembles, and names every unknown field', () => {
    const message = messageOf({
      session: { ...session, jwksURL: 'x', colour: 1 },
      alowedOrigins: [],
      cookies: { ttl: 1 },
    })
    expect(message).toContain('session: unknown field `jwksURL`; did you mean `jwksUrl`?\n')
    expect(message).toMatch(/^ {2}session: unknown field `colour`$/m)
    expect(message).toContain('  unknown field `alowedOrigins`; did you mean `allowedOrigins`?')
    expect(message).toMatch(/^ {2}cookies: unknown field `ttl`$/m)
    expect(messageOf({ constructor: 1 })).toContain('unknown field `constructor`')
  })

  it('names all faults of a file at once, those between fields included', () => {
    const wrong = {
      grants: ['/users/{sub}', '/api/{sub}/*'],
      browserCache: 0,
      session: { ...session, algorithms: ['RS256'], cookieName: 'edge-x', issuer: 1 },
      cdnHost: 'cdn.example.com',
      cookies: { domain: 'example.org', colour: 1 },
      bucketRegion: 'eu-west-1',
      attatch: true,
    }
    const message = messageOf(wrong, 'No Service')
    for (const fault of [
      /service: must be/,
      /grants\.0: must look like/,
      /grants\.1: must not start with/,
      /browserCache: /,
      /session\.cookieName: must not/,
      /session\.issuer: /,
      /session: public-key algorithms need/,
      /cookies: unknown field `colour`/,
      /cookies\.domain: must be cdn/,
      /certificateArn: /,
      /bucketRegion: /,
      /unknown field `attatch`; did you mean `attach`/,
    ]) {
      expect(message).toMatch(fault)
    }
  })

  it('has one grammar for grant templates', () => {
    expect(parse({ grants: ['/a~b/{sub}/*', '/teams/{claims.team}/*'] }).grants).toEqual([
      parseGrantTemplate('/a~b/{sub}/*'),
      parseGrantTemplate('/teams/{claims.team}/*'),
    ])
    const nine = Array.from({ length: maxGrants(null) + 1 }, (_, index) => `/a${index}/{sub}/*`)
    expect(messageOf({ grants: nine })).toContain('grants: at most 8 paths')
    const withDomain = { cookies: { domain: 'example.com' } }
    expect(messageOf({ grants: nine.slice(0, 5), ...withDomain })).toContain('at most 4 paths with cookies.domain')
    expect(parse({ grants: nine.slice(0, 4), ...withDomain }).grants).toHaveLength(4)
  })

  it('allows null, and only null, to switch a check of the session off', () => {
    expect(parse({ session: { algorithms: ['HS256'], issuer: null, audience: null } }).session.issuer).toBeNull()
  })

  it('names the stages there are when asked for another one', () => {
    expect(() => parseDeployment(config, 'production')).toThrow(/"production" is not in .*dev, prod, local/)
    expect(() => parseDeployment(config, 'constructor')).toThrow(ConfigError)
  })
})
