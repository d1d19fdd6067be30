import { randomBytes } from 'node:crypto'
import { createApp } from '../../functions/api/app.ts'
import { apiFunctionConfig } from '../../functions/api/config.ts'
import { openApiDocument } from '../../functions/api/openapi.ts'
import { type ApiServices, createApiServices } from '../../functions/api/services.ts'
import type { AssetStore } from '../../shared/assets/asset-store.ts'
import type { PresignDownload } from '../../shared/assets/download-urls.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import type { StageConfigInput } from '../../shared/config/stage-config.ts'
import { type KeyDocument, serializeKeyDocument } from '../../shared/keys/key-document.ts'
import { makeKeyDocument, makeKeyPair, signingKey } from '../../shared/keys/make-key-pair.ts'
import type { SeenAnswer } from './documented-answers.ts'
import { createMemoryRevocations, type MemoryRevocations } from './revocation-stores.ts'
import { createSessionMaker, type SessionIssuer, type SessionMaker } from './session-maker.ts'

const ownIssuer = { secret: randomBytes(32).toString('base64url'), issuer: 'app', audience: 'edge-signer' }

export const cdnHost = 'cdn.example.test'
export const appOrigin = 'https://app.example.test'

/** The API over a store, as `createApiServices` wires it; only the texts that a deployment fetches are made here. */
export interface TestApi {
  readonly services: ApiServices
  readonly sessions: SessionMaker
  /** Invalidated paths. */
  readonly invalidated: string[]
  /** The log entries. */
  readonly logged: Readonly<Record<string, unknown>>[]
  /** The texts that the next loads give; `undefined` fails. */
  readonly documents: { keys: string | undefined; state: string | undefined }
  /** The stores of revocations. */
  readonly revocations: MemoryRevocations
  /** Sends a request with a Bearer session of `as`; `json` makes it a POST. Fails where the answer is not a documented one. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared by tests, which say what they expect
  call(path: string, options?: CallOptions): Promise<{ status: number; body: any; headers: Headers }>
}

/** One request. */
export interface CallOptions {
  readonly method?: string
  readonly json?: unknown
  /** The subject of the session, or a token; `null` for none. */
  readonly as?: string | null
  readonly claims?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
}

/** Builds it. `changes` are fields of the stage's config. */
export function createTestApi(
  store: AssetStore,
  options: {
    config?: Partial<StageConfigInput>
    presign?: PresignDownload
    now?: () => number
    /** A CDN that runs: its origin, the keys that it trusts, and whose sessions it takes; `null` for one of unknown name. */
    cdn?: { readonly origin: string; readonly keys: KeyDocument; readonly issuer: SessionIssuer } | null
  } = {},
): TestApi {
  const issuer = options.cdn?.issuer ?? ownIssuer
  const cdnOrigin = options.cdn?.origin ?? `https://${cdnHost}`
  const deployment = parseDeployment({ service: 'edge-signer', defaults: {}, stages: { test: {} } }, 'test', {
    session: { cookieName: 'session', algorithms: ['HS256'], issuer: issuer.issuer, audience: issuer.audience },
    grants: ['/users/{sub}/*', '/teams/{claims.team}/*'],
    allowedOrigins: [appOrigin],
    ...options.config,
  })
  const keys = options.cdn?.keys ?? makeKeyDocument(signingKey(makeKeyPair('ES256'), 'KTEST', 0), issuer.secret)
  const documents: TestApi['documents'] = {
    keys: serializeKeyDocument(keys),
    state: JSON.stringify({ revocations: [] }),
  }
  const invalidated: string[] = []
  const logged: Readonly<Record<string, unknown>>[] = []
  const revocations = createMemoryRevocations()
  const services = createApiServices(apiFunctionConfig(deployment), {
    store,
    cdn: { invalidate: async (paths) => void invalidated.push(...paths) },
    cdnOrigin: options.cdn === null ? undefined : cdnOrigin,
    presign: options.presign,
    loadKeys: async () => given(documents.keys),
    loadState: async () => given(documents.state),
    openRevocations: async () => revocations,
    loadKeySet: () => Promise.reject(new Error('HS256 has no key set')),
    now: options.now ?? (() => Math.floor(Date.now() / 1000)),
    newId: () => randomBytes(16).toString('base64url'),
    random: Math.random,
    log: (entry) => logged.push(entry),
  })
  const app = createApp(services)
  const sessions = createSessionMaker(issuer)
  let judge: ReturnType<typeof loadJudge> | undefined
  const requireDocumented = async (answer: SeenAnswer) => {
    judge ??= loadJudge(app)
    ;(await judge)(answer)
  }
  return {
    services,
    sessions,
    invalidated,
    logged,
    documents,
    revocations,
    async call(path, { method, json, as = 'alice', claims, headers = {}, body } = {}) {
      const token = as === null ? undefined : as.includes('.') ? as : sessions.session(as, claims)
      const content = json === undefined ? body : JSON.stringify(json)
      const verb = method ?? (content === undefined ? 'GET' : 'POST')
      const response = await app.request(path, {
        method: verb,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(content === undefined ? {} : { body: content }),
      })
      const text = await response.text()
      const isJson = /json/.test(response.headers.get('content-type') ?? '')
      const answer = { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers }
      await requireDocumented({ method: verb, path, ...answer })
      return answer
    },
  }
}

/** Loaded where an answer is looked at: benchmarks weigh a process that asks for none. */
async function loadJudge(app: ReturnType<typeof createApp>) {
  const { documentedAnswers } = await import('./documented-answers.ts')
  return documentedAnswers(await openApiDocument(app, 'session'))
}

function given(text: string | undefined): string {
  if (text === undefined) throw new Error('the key document is not available')
  return text
}
