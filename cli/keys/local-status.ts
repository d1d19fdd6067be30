import { newestUsableKey, type SigningKey } from '../../shared/keys/key-document.ts'
import { latestKey } from '../../shared/keys/key-ring.ts'
import type { KeyRingStatus, KeyRole } from '../../shared/keys/key-status.ts'
import { readLocalStage } from '../input/local-stage.ts'

/**
 * The keys of the local stage. Nothing retires there, so no key has an end.
 *
 * @throws UsageError where there is no local stage yet.
 */
export async function readLocalKeyStatus(directory: string | undefined, now: number): Promise<KeyRingStatus> {
  const { document, publicKeys } = await readLocalStage(directory)
  const hasUsable = document.keys.some(({ notBefore }) => notBefore <= now)
  const signing = hasUsable ? newestUsableKey(document, now) : latestKey(document.keys)
  const keys = document.keys.map((key) => ({
    keyPairId: key.keyPairId,
    algorithm: key.algorithm,
    role: roleOf(key, signing, now),
    notBefore: key.notBefore,
    retiresAt: undefined,
    fate: isTrusted(key, publicKeys) ? ('kept' as const) : ('withdrawn' as const),
  }))
  const faults = keys
    .filter(({ fate }) => fate === 'withdrawn')
    .map(({ keyPairId }) => `key ${keyPairId} is not in the key group: what it signs is refused`)
  return { keyGroupId: 'local', keys, rotation: undefined, faults }
}

function roleOf(key: SigningKey, signing: SigningKey | undefined, now: number): KeyRole {
  if (key === signing) return 'signing'
  return key.notBefore > now ? 'waiting' : 'verifying'
}

function isTrusted({ keyPairId, publicKey }: SigningKey, group: ReadonlyMap<string, SigningKey['publicKey']>): boolean {
  return group.get(keyPairId)?.equals(publicKey) ?? false
}
