import { createHash } from 'node:crypto'
import { Hono, type MiddlewareHandler } from 'hono'
import { AssetError, EdgeSignerError, RequestError, ServiceError } from '../../../shared/errors.ts'
import { parseResourcePrefix, type ResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import type { GrantTemplate } from '../../../shared/grant/template.ts'
import { rfc3339 } from '../../../shared/http/rfc3339.ts'
import { embeddedMetric, metricNames } from '../../../shared/operations/embedded-metric.ts'
import { readRevocations, restore, revoke, syncRevocations } from '../../../shared/revocation/revoke.ts'
import type { Revocation, RevocationOrder } from '../../../shared/revocation/state.ts'
import { isRevocable, type RevocationStores } from '../../../shared/revocation/stores.ts'
import type { ApiEnv } from '../actor.ts'
import { documented, input } from '../openapi.ts'
import * as schemas from '../schemas.ts'
import type { ApiServices } from '../services.ts'

/** `/api/admin`: for sessions with the administrator's scope, whatever prefixes they are granted. */
export function adminRoutes(services: ApiServices): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.use(requireAdmin(services))

  app.post(
    '/revocations',
    documented('POST', {
      tag: 'Administration',
      summary: 'Revoke access to a prefix',
      description:
        'Refuses every cookie and signed URL of the prefix that exists, and sessions of `sub` (of everybody, without it) until they sign in again after `before`. Edges act on it within seconds, in `gate` mode and for new cookies within 30 s. Revoking again extends it.',
      answer: { status: 201, description: 'The revocation', schema: schemas.revocation },
      codes: [...adminCodes, 'ERR_REVOCATION_PREFIX'],
    }),
    input('json', schemas.revocationInput),
    async (context) => {
      const { actor, now } = context.var
      const { prefix, sub } = context.req.valid('json')
      const order = { prefix: parseRevocable(prefix, services.config.grants), ...(sub === undefined ? {} : { sub }) }
      const revocation = await inStores(services, (stores) => revoke(order, stores, now))
      tell(services, 'revoke', revocation, actor.sub)
      return context.json(revocationAnswer(revocation), 201)
    },
  )

  app.get(
    '/revocations',
    documented('GET', {
      tag: 'Administration',
      summary: 'What is revoked',
      answer: { description: 'The revocations that have not expired', schema: schemas.revocations },
      codes: adminCodes,
    }),
    async (context) => {
      const { revocations } = await inStores(services, (stores) => readRevocations(stores, context.var.now))
      return context.json({ revocations: revocations.map(revocationAnswer) })
    },
  )

  app.delete(
    '/revocations/:id',
    documented('DELETE', {
      tag: 'Administration',
      summary: 'Take a revocation back',
      description: 'Cookies from before it that have not expired open the prefix again.',
      answer: { description: 'It is no more', schema: schemas.revocationDeleted },
      codes: [...adminCodes, 'ERR_NOT_FOUND'],
    }),
    input('param', schemas.revocationParam),
    async (context) => {
      const { actor, now } = context.var
      const { id } = context.req.valid('param')
      await inStores(services, async (stores) => {
        const { revocations } = await readRevocations(stores, now)
        const found = revocations.find((revocation) => revocationId(revocation) === id)
        if (found === undefined || !(await restore(found, stores, now))) {
          // An undo that was cut off has left its entry in the KeyValueStore only: without it the prefix would stay closed.
          await syncRevocations(stores, { now })
          throw new RequestError('ERR_NOT_FOUND')
        }
        tell(services, 'restore', found, actor.sub)
      })
      return context.json({ id, deleted: true })
    },
  )
  return app
}

const adminCodes = ['ERR_ADMIN_SCOPE', 'ERR_CONFIG'] as const

/** An own session without the scope is 401, as everywhere under `/api`: never 403. */
function requireAdmin({ config }: ApiServices): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    if (!context.var.actor.scopes.has(config.adminScope)) throw new AssetError('ERR_ADMIN_SCOPE')
    await next()
  }
}

/** @throws RequestError `ERR_REVOCATION_PREFIX`: an entry that the guard never looks up would pass for a revocation. */
function parseRevocable(value: string, templates: readonly GrantTemplate[]): ResourcePrefix {
  try {
    const prefix = parseResourcePrefix(value)
    if (isRevocable(prefix, templates)) return prefix
  } catch (error) {
    if (!(error instanceof EdgeSignerError)) throw error
  }
  throw new RequestError('ERR_REVOCATION_PREFIX')
}

/** @throws ServiceError `ERR_STATE_UNAVAILABLE` for whatever the stores themselves failed with. */
async function inStores<T>(services: ApiServices, work: (stores: RevocationStores) => Promise<T>): Promise<T> {
  try {
    return await work(await services.openRevocations())
  } catch (cause) {
    if (cause instanceof EdgeSignerError) throw cause
    throw new ServiceError('ERR_STATE_UNAVAILABLE', 'bucket or KeyValueStore gave no answer', { cause })
  }
}

/** Logs the author of a change of access; the state drops an entry when it expires. */
function tell(services: ApiServices, action: 'revoke' | 'restore', { prefix, sub }: RevocationOrder, by: string): void {
  const metric = embeddedMetric(metricNames.accessChanges, 1, services.config.stageName, services.now())
  services.log({ level: 'info', message: 'access changed', action, prefix, sub, by, ...metric })
}

function revocationAnswer(revocation: Revocation) {
  const { prefix, sub, before, expires } = revocation
  return {
    id: revocationId(revocation),
    prefix: prefix as string,
    ...(sub === undefined ? {} : { sub }),
    before: rfc3339(before),
    expiresAt: rfc3339(expires),
  }
}

/** Made from what identifies a revocation, so that it is the same in every answer; a hash, because a subject may hold any character. */
function revocationId({ prefix, sub }: RevocationOrder): string {
  return createHash('sha256')
    .update(JSON.stringify([prefix, sub]))
    .digest('base64url')
    .slice(0, 22)
}
