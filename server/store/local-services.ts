import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ApiFunctionConfig } from '../../functions/api/config.ts'
import { type ApiServices, createApiServices } from '../../functions/api/services.ts'
import { createLocalRevocations } from '../../local/state/revocation-stores.ts'
import { stateFiles } from '../../local/state/state-files.ts'
import { noInvalidation } from '../../shared/aws/edge/cdn-invalidation.ts'
import { send } from '../../shared/http/https-send.ts'
import { readRevocations } from '../../shared/revocation/revoke.ts'
import { serializeRevocationState } from '../../shared/revocation/state.ts'
import { fetchKeySet } from '../../shared/session/session-keys.ts'
import { issueUploadToken } from '../../shared/uploads/upload-token.ts'
import { uploadPath } from '../upload-paths.ts'
import { type LocalLocation, localLocation } from './location.ts'
import { createSecureLinkUrls } from './secure-link.ts'
import { createLocalStore } from './store.ts'

/** What a process that runs the API or takes uploads is told. */
export interface LocalServicesSettings {
  readonly config: ApiFunctionConfig
  /** Root of the bucket. */
  readonly content: string
  readonly area: string
  readonly stateDirectory: string
  /** What URLs for clients begin with. */
  readonly origin: string
  readonly linkSecret: string
  /** Seconds until a change of the KeyValueStore is seen. */
  readonly propagationDelay: number
}

/** The place of a stage's assets; prepared by the supervisor. */
export function locationOf({ content, area, config }: LocalServicesSettings): LocalLocation {
  return localLocation(content, area, config.keyPrefix)
}

/** The API's services over this machine's files. What they read, they read as a deployed API does: fetched, then cached. */
export function createLocalServices(settings: LocalServicesSettings): ApiServices {
  const { config, content, stateDirectory, origin, linkSecret, propagationDelay } = settings
  const state = stateFiles(stateDirectory)
  const revocations = createLocalRevocations({ content, state, propagationDelay })
  const now = () => Math.floor(Date.now() / 1000)
  const services = createApiServices(config, {
    store: createLocalStore({
      location: locationOf(settings),
      uploadUrl: origin + uploadPath,
      ticketSeconds: config.uploads.ticketSeconds,
      now,
      issueToken: async (upload) => issueUploadToken(upload, (await services.keys(now())).stampKey),
    }),
    // There is no cache between nginx and the files.
    cdn: noInvalidation,
    cdnOrigin: origin,
    presign: undefined,
    downloads: createSecureLinkUrls({ origin, secret: linkSecret }),
    loadKeys: () => readFile(state.secret, 'utf8'),
    loadState: async () => serializeRevocationState(await readRevocations(revocations, now())),
    openRevocations: async () => revocations,
    loadKeySet: (url) => fetchKeySet(url, { send }),
    now,
    newId: () => randomBytes(16).toString('base64url'),
    random: Math.random,
    log: (entry) => console.error(JSON.stringify(entry)),
  })
  return services
}
