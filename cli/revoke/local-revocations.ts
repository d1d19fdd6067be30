import { SignJWT } from 'jose'
import type { Deployment } from '../../shared/config/parse.ts'
import { firstOf } from '../../shared/config/session-algorithms.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { ServiceError } from '../../shared/errors.ts'
import { parseResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { readRevocations, restore, revoke } from '../../shared/revocation/revoke.ts'
import type { Revocation, RevocationOrder } from '../../shared/revocation/state.ts'
import { type ClientSettings, throughAws } from '../stage/aws-clients.ts'
import { openRevocationStores, partsOf, readStack } from '../stage/deployed-stage.ts'
import { askRunningStage, readLocalStage } from '../stage/local-stage.ts'
import { UsageError } from '../usage-error.ts'

/** Address and state of the running local stage. */
export interface LocalRevocationsOptions {
  readonly url: string
  /** Its state directory. */
  readonly state: string | undefined
  /** Epoch seconds. */
  readonly now: number
}

/** A revocation as the API returns it. */
interface ApiRevocation {
  readonly id: string
  readonly prefix: string
  readonly sub?: string
  readonly before: string
  readonly expiresAt: string
}

/**
 * Opens the revocations of the stage that runs on this machine. It calls the API of the stage, as an administrator whose session
 * is signed with the stage's own secret.
 */
export function openLocalRevocations({ config }: Deployment, options: LocalRevocationsOptions): StageRevocations {
  const call = async (method: string, path = '', body?: object) => {
    const { sessionSecret = '' } = (await readLocalStage(options.state)).document
    const { issuer, audience } = config.session
    const token = await new SignJWT({ sub: 'edge-signer-command', scope: config.adminScope, iat: options.now })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(firstOf(issuer) ?? '')
      .setAudience(firstOf(audience) ?? '')
      .setExpirationTime(options.now + 60)
      .sign(Buffer.from(sessionSecret))
    const url = `${options.url.replace(/\/$/, '')}/api/admin/revocations${path}`
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      .then(async (response) => ({ ok: response.ok, body: (await response.json()) as unknown }))
      .catch(() => {
        throw new UsageError(`--url: no Edge Signer API responds at ${options.url}; npm start runs the local stage`)
      })
    if (!answer.ok) throw new UsageError(`the local stage refused: ${problemText(answer.body)}`)
    return answer.body
  }
  const list = async () => ((await call('GET')) as { revocations: ApiRevocation[] }).revocations
  return {
    enforcement: async () => ((await askRunningStage(options.url, options.state)) ?? config).enforcement,
    revoke: async ({ prefix, sub }) =>
      parseRevocation((await call('POST', '', { prefix, ...(sub === undefined ? {} : { sub }) })) as ApiRevocation),
    list: async () => (await list()).map(parseRevocation),
    async restore({ prefix, sub }) {
      const found = (await list()).find((entry) => entry.prefix === prefix && entry.sub === sub)
      if (found === undefined) return false
      await call('DELETE', `/${found.id}`)
      return true
    },
  }
}

function parseRevocation({ prefix, sub, before, expiresAt }: ApiRevocation): Revocation {
  return {
    prefix: parseResourcePrefix(prefix),
    ...(sub === undefined ? {} : { sub }),
    before: Date.parse(before) / 1000,
    expires: Date.parse(expiresAt) / 1000,
  }
}

/** Returns the fixed text of a problem. A response without a code is from another server. */
function problemText(body: unknown): string {
  const { detail, code } = (typeof body === 'object' && body !== null ? body : {}) as { detail?: string; code?: string }
  return code?.startsWith('ERR_') ? `${detail} (${code})` : 'the response is not from an Edge Signer API'
}

/** The revocations of a stage: a deployed one, or the one that runs on this machine. */
export interface StageRevocations {
  /** Returns the mode of the stage, which decides how soon a revocation takes effect. */
  enforcement(): Promise<StageConfig['enforcement']>
  revoke(order: RevocationOrder): Promise<Revocation>
  /** Returns false if there was no such revocation. */
  restore(order: RevocationOrder): Promise<boolean>
  list(): Promise<readonly Revocation[]>
}

/**
 * Opens the revocations of a deployed stage: its state object and KeyValueStore, with the operator's own AWS credentials. The time
 * is that of AWS, because cookies are stamped by its clocks. By a terminal's clock that is behind, the newest cookies would not be
 * refused; by one that is ahead, the revocations of others would be dropped as expired.
 *
 * @throws ConfigError if the stage is not deployed; ServiceError if the response of AWS has no time.
 */
export async function openDeployedRevocations(
  deployment: Deployment,
  settings: ClientSettings,
): Promise<StageRevocations> {
  const stack = await readStack(deployment, settings)
  const now = stack.answeredAt
  if (now === undefined) throw new ServiceError('ERR_STORE_UNAVAILABLE', 'AWS: a response without a Date: try again')
  const enforcement = stack.outputs.get('Enforcement') ?? deployment.config.enforcement
  const stores = await openRevocationStores(partsOf(stack), settings)
  return {
    enforcement: async () => (enforcement === 'gate' ? 'gate' : 'key-group'),
    revoke: (order) => throughAws(() => revoke(order, stores, now)),
    restore: (order) => throughAws(() => restore(order, stores, now)),
    list: () => throughAws(async () => (await readRevocations(stores, now)).revocations),
  }
}
