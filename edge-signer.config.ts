import { defineConfig } from './shared/config/parse.ts'

/** What Edge Signer does, stage by stage. Every field is described in `shared/config/stage-config.ts`. */
export default defineConfig({
  service: 'edge-signer',
  defaults: {
    grants: ['/users/{sub}/*', '/teams/{claims.team}/*'],
  },
  stages: {
    dev: {
      session: {
        algorithms: ['RS256'],
        jwksUrl: 'https://app.example.com/.well-known/jwks.json',
        issuer: 'https://app.example.com/',
        audience: 'edge-signer',
        loginUrl: 'https://app.example.com/login',
      },
      allowedOrigins: ['https://app.example.com', 'http://localhost:*'],
    },
    prod: {
      session: {
        algorithms: ['RS256'],
        jwksUrl: 'https://app.example.com/.well-known/jwks.json',
        issuer: 'https://app.example.com/',
        audience: 'edge-signer',
        loginUrl: 'https://app.example.com/login',
      },
      allowedOrigins: ['https://app.example.com'],
    },
    /**
     * The emulation (`npm start`): sessions are made by `/dev/login`, signed with a secret generated on this machine.
     * It takes nothing from `defaults` that the demo and the tests depend on, so those may be edited at will. To emulate your own
     * prefixes, edit this stage; the demo and the contract suite hold for it as it is here.
     */
    local: {
      session: {
        cookieName: 'session',
        algorithms: ['HS256'],
        issuer: 'edge-signer-local',
        audience: 'edge-signer',
        loginUrl: '/dev/login',
      },
      enforcement: 'key-group',
      bootstrap: 'error-page',
      grants: ['/users/{sub}/*', '/teams/{claims.team}/*'],
      cookies: {},
      allowedOrigins: ['http://localhost:*', 'https://localhost:*', 'https://app.example.test:*'],
      corp: 'same-site',
      rangeOnly: ['/users/alice/range-only/'],
      browserCache: 'no-cache',
      signOut: {},
      uploads: {},
      downloads: {},
      adminScope: 'edge-signer:admin',
    },
  },
})
