import { setTimeout as wait } from 'node:timers/promises'
import type { AssetStore, CdnInvalidation } from '../../shared/assets/asset-store.ts'
import type { DownloadUrls } from '../../shared/assets/download-urls.ts'
import type { GrantTemplate } from '../../shared/grant/template.ts'
import type { OriginCheck } from '../../shared/http/allowed-origins.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import type { SessionTrust } from '../../shared/session/session-trust.ts'
import type { CompleteOptions } from '../../shared/uploads/complete.ts'
import type { ApiFunctionConfig } from './config.ts'

/** Everything that the API works with and that outlives a request; deployed and local ones differ in the stores only. */
export interface ApiServices extends SessionTrust {
  readonly config: ApiFunctionConfig
  readonly templates: readonly GrantTemplate[]
  /** Origins that may read with credentials and change state: the configured ones and the CDN's own. */
  readonly isAllowedOrigin: OriginCheck
  /** Where revocations are written; opened when the first one is, so that no other request waits for it to load. */
  readonly openRevocations: () => Promise<RevocationStores>
  readonly store: AssetStore
  readonly cdn: CdnInvalidation
  readonly downloads: DownloadUrls
  /** Epoch seconds; read once for each request. */
  readonly now: () => number
  /** 128 random bits in base64url. */
  readonly newId: () => string
  /** One line of the log, without secrets. */
  readonly log: (entry: Readonly<Record<string, unknown>>) => void
}

/** What publishing and completing need of the services. */
export function publishOptions({ store, cdn, config }: ApiServices): CompleteOptions {
  return { store, cdn, quotaBytes: config.uploads.quotaBytes, wait }
}
