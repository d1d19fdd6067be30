import { Hono } from 'hono'
import * as v from 'valibot'
import { documented } from '../openapi.ts'
import type { ApiServices } from '../services.ts'

const status = v.object({ status: v.literal('ok') })

/** `/api/health` answers where the function runs; `/api/health/ready` where everything it needs answers too. */
export function serviceRoutes(services: ApiServices): Hono {
  const app = new Hono()
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
