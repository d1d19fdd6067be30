import { expect, test } from 'vitest'
import { parseGrantTemplate } from '../../../../shared/grant/template.ts'
import { configOf } from './edge.ts'

test('the config of the bundle is what the stage says, by name, and holds no secret', () => {
  expect(configOf({ appOrigin: 'app.internal.example.com', signOut: { endSession: false } })).toEqual({
    session: expect.objectContaining({ cookieName: '__Host-session', algorithms: ['RS256'], clockSkewSeconds: 60 }),
    templates: ['/users/{sub}/*', '/teams/{claims.team}/*'].map(parseGrantTemplate),
    ownPaths: ['/_edge/', '/_incoming/', '/_state/', '/api/', '/public/', '/users/', '/teams/'],
    cookies: { ttlSeconds: 3600, domain: null, sameSite: 'Lax', ipBinding: false },
    rules: { depths: { '/users': [2], '/teams': [2] }, rangeOnly: null },
    gate: false,
    hosts: { primary: null, all: [] },
    hasApp: true,
    filesPage: '/_edge/files/',
    allowedOrigins: ['https://app.example.com', 'http://localhost:*'],
    headers: [['cross-origin-resource-policy', 'same-site']],
    endSession: false,
    secretId: 'edge-signer/test/keys',
    bucket: null,
    bucketPrefix: 'edge-signer-test-',
    bucketRegion: 'us-east-1',
  })
})

test('the config has the rules of the files', () => {
  expect(configOf({ enforcement: 'gate', rangeOnly: ['/users/a b/'] })).toMatchObject({
    gate: true,
    rules: { depths: { '/users': [2], '/teams': [2] }, rangeOnly: ['/users/a%20b/'] },
  })
})
