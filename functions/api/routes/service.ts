import { Hono } from 'hono'
import * as v from 'valibot'
import type { Grant } from '../../../shared/grant/resource-prefix.ts'
import type { ApiEnv } from '../actor.ts'
import { documented } from '../openapi.ts'
import { me } from '../schemas.ts'
import type { ApiServices } from '../services.ts'

const status = v.object({ status: v.literal('ok') })

/**
 * `/api/health` answers where the function runs; `/api/health/ready` where everything it needs answers too. `/api/me` is the session as
 * the API sees it.
 */
export function serviceRoutes(services: ApiServices): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.get(
    '/me',
    documented('GET', {
      tag: 'Service',
      summary: 'Who is signed in, and what the session may do',
      answer: { description: 'The user, with grants and scopes', schema: me },
    }),
    (context) => {
      const { sub, grants, scopes } = context.var.actor
      return context.json({ sub, grants: grants.map(grantOutput), scopes: [...scopes] })
    },
  )
  app.get(
    '/health',
    documented('GET', {
      tag: 'Service',
      summary: 'Is the API running',
      answer: { description: 'It is', schema: status },
      open: true,
    }),
    (context) => context.json({ status: 'ok' }),
  )
  app.get(
    '/health/ready',
    documented('GET', {
      tag: 'Service',
      summary: 'Are keys, revocation state and store there',
      answer: { description: 'They are', schema: status },
      codes: ['ERR_KEYS_UNAVAILABLE', 'ERR_KEYS_INVALID', 'ERR_STATE_UNAVAILABLE', 'ERR_STORE_UNAVAILABLE'],
      open: true,
    }),
    async (context) => {
      const now = services.now()
      await Promise.all([services.keys(now), services.revocations(now), services.store.ready()])
      return context.json({ status: 'ok' })
    },
  )
  return app
}

function grantOutput({ prefix, access, upload }: Grant) {
  return { prefix, access, ...(upload === undefined ? {} : { upload }) }
}
