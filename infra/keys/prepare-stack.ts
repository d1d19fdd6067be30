import { readFile } from 'node:fs/promises'
import type { Deployment } from '../../shared/config/parse.ts'
import { ConfigError } from '../../shared/errors.ts'
import { parseKeyDocument } from '../../shared/keys/key-document.ts'
import { stampKeyName } from '../../shared/revocation/key-value.ts'
import { revocationStateKey, serializeRevocationState } from '../../shared/revocation/state.ts'
import { secretName } from '../names.ts'
import type { Report, StackStores } from './stores.ts'

const pages = [['403.html', 'text/html; charset=utf-8']] as const

/**
 * Fills a deployed stack: the stamp key into the KeyValueStore, our pages into the bucket, and an empty revocation state where
 * there is none (the session function refuses everybody while it cannot read one). It may be run again.
 */
export async function prepareStack(deployment: Deployment, stores: StackStores, report: Report): Promise<void> {
  const json = await stores.secrets.read(secretName(deployment))
  if (json === undefined) {
    throw new ConfigError(`secret ${secretName(deployment)}: not found; run "npm run keys -- create" first`)
  }
  const { stampKey } = parseKeyDocument(json)
  const same = (await stores.keyValues.read(stampKeyName)) === stampKey
  if (!same) await stores.keyValues.write(stampKeyName, stampKey)
  report(`stamp key in the KeyValueStore: ${same ? 'kept' : 'written'}`)

  for (const [name, contentType] of pages) {
    await stores.objects.write(
      `_edge/pages/${name}`,
      await readFile(new URL(`../pages/${name}`, import.meta.url)),
      contentType,
    )
    report(`page /_edge/pages/${name}: written`)
  }

  const made = await stores.objects.writeIfAbsent(
    revocationStateKey,
    Buffer.from(serializeRevocationState({ revocations: [] })),
    'application/json',
  )
  report(`revocation state: ${made ? 'made' : 'kept'}`)
}
