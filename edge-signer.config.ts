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
    /** The emulation (`npm start`): sessions are made by `/dev/login`, signed with a secret generated on this machine. */
    local: {
      session: {
        cookieName: 'session',
        algorithms: ['HS256'],
        issuer: 'edge-signer-local',
        audience: 'edge-signer',
        loginUrl: '/dev/login',
      },
      allowedOrigins: ['http://localhost:*', 'https://localhost:*', 'https://app.example.test:*'],
      rangeOnly: ['/users/alice/range-only/'],
    },
  },
})
