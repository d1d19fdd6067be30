import { SignJWT } from 'jose'
import type { Deployment } from '../../shared/config/parse.ts'
import { parseResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { readLocalStage } from '../input/local-stage.ts'
import { askRunningStage } from '../stage/running-stage.ts'
import { UsageError } from '../usage-error.ts'
import type { Entry, RevocationDesk } from './revocation-desk.ts'

/** How the running local stage is reached. */
export interface LocalDeskOptions {
  readonly url: string
  /** Its state directory. */
  readonly state: string | undefined
  /** Epoch seconds. */
  readonly now: number
}

interface Answer {
  readonly id: string
  readonly prefix: string
  readonly sub?: string
  readonly before: string
  readonly expiresAt: string
}

/** The stage that runs on this machine, through its API, as an administrator whose session is made of its own secret. */
export function openLocalDesk({ config }: Deployment, options: LocalDeskOptions): RevocationDesk {
  const call = async (method: string, path = '', body?: object) => {
    const { sessionSecret = '' } = (await readLocalStage(options.state)).document
    const { issuer, audience } = config.session
    const token = await new SignJWT({ sub: 'edge-signer-command', scope: config.adminScope, iat: options.now })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(issuer ?? '')
      .setAudience(audience ?? '')
      .setExpirationTime(options.now + 60)
      .sign(Buffer.from(sessionSecret))
    const url = `${options.url.replace(/\/$/, '')}/api/admin/revocations${path}`
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      .then(async (response) => ({ ok: response.ok, body: (await response.json()) as unknown }))
      .catch(() => {
        throw new UsageError(`--url: nothing of ours answers at ${options.url}; npm start runs the local stage`)
      })
    if (!answer.ok) throw new UsageError(`the local stage refused: ${problemText(answer.body)}`)
    return answer.body
  }
  const list = async () => ((await call('GET')) as { revocations: Answer[] }).revocations
  return {
    enforcement: async () => ((await askRunningStage(options.url, options.state)) ?? config).enforcement,
    revoke: async ({ prefix, sub }) =>
      entryOf((await call('POST', '', { prefix, ...(sub === undefined ? {} : { sub }) })) as Answer),
    list: async () => (await list()).map(entryOf),
    async restore({ prefix, sub }) {
      const found = (await list()).find((answer) => answer.prefix === prefix && answer.sub === sub)
      if (found === undefined) return false
      await call('DELETE', `/${found.id}`)
      return true
    },
  }
}

function entryOf({ prefix, sub, before, expiresAt }: Answer): Entry {
  return {
    prefix: parseResourcePrefix(prefix),
    ...(sub === undefined ? {} : { sub }),
    before: Date.parse(before) / 1000,
    expires: Date.parse(expiresAt) / 1000,
  }
}

/** The problem's fixed text; anything else came from another server. */
function problemText(body: unknown): string {
  const { detail, code } = (typeof body === 'object' && body !== null ? body : {}) as { detail?: string; code?: string }
  return code?.startsWith('ERR_') ? `${detail} (${code})` : 'its answer is not one of our API'
}
