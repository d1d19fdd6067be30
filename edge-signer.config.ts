import { defineConfig } from './shared/config/parse.ts'

/** The behaviour of Edge Signer, stage by stage. docs/configuration.md describes every field. */
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
     * The emulation (`npm start`). `/dev/login` makes its sessions, signed with a secret that is generated on this machine.
     * The stage sets every field that the demo and the tests depend on, so `defaults` can be edited freely. To emulate your own
     * prefixes, edit this stage; the demo and the contract suite expect it as it is here.
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
      // The error page, or with `--app` none.
      bootstrap: undefined,
      grants: ['/users/{sub}/*', '/teams/{claims.team}/*'],
      cookies: {},
      allowedOrigins: ['http://localhost:*', 'https://localhost:*', 'https://app.example.test:*'],
      corp: 'same-site',
      rangeOnly: ['/users/alice/range-only/'],
      browserCache: 'no-cache',
      signOut: {},
      uploads: {},
      downloads: {},
      pages: {},
      adminScope: 'edge-signer:admin',
    },
  },
})
