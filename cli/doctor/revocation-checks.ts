import { EdgeSignerError } from '../../shared/errors.ts'
import { stampKeyName, stateHomeName } from '../../shared/revocation/key-value.ts'
import { isRevocationKey, revocationEntries } from '../../shared/revocation/revocation-pair.ts'
import { syncRevocations } from '../../shared/revocation/revoke.ts'
import { parseRevocationState, type RevocationState, revocationStateKey } from '../../shared/revocation/state.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import { fail, pass } from '../finding.ts'
import { type DoctorFinding, type Repair, repairable } from './check.ts'

/** Stores and time of a stage. */
export interface RevocationDependencies {
  readonly stores: RevocationStores
  /** Epoch seconds by AWS's clock. Another clock could drop revocations in force as expired. */
  readonly now: number
}

/** Checks that the guard verifies stamps with the key with which the session function makes them. */
export async function checkStampKey({ stores, now }: RevocationDependencies, stampKey: string): Promise<DoctorFinding> {
  const { entries } = await stores.keyValues.list()
  if (entries.get(stampKeyName) === stampKey) return pass('the guard has the key of the session function')
  return repairable(
    'the guard does not have the key of the session function: a revoked prefix would stay closed',
    'edge-signer repair, or deploy again',
    {
      does: 'write the stamp key of the secret into the KeyValueStore',
      run: () => sync({ stores, now }, stampKey),
    },
  )
}

/**
 * Checks that state object and KeyValueStore agree (invariant I5 in docs/operations.md). If they don't, one of them has every
 * confirmed revocation, and the repair is the same as in every writer of revocations.
 */
export async function checkRevocations({ stores, now }: RevocationDependencies): Promise<DoctorFinding> {
  const [loaded, { entries }] = [await stores.state.load(), await stores.keyValues.list()]
  const follows = entries.get(stateHomeName)
  if (stores.home !== undefined && follows !== undefined && follows !== stores.home) {
    return fail(
      `the KeyValueStore follows the state in bucket ${follows}, and the stage has ${stores.home}`,
      'deploy again: that copies the revocations into the bucket of the stage',
    )
  }
  const entryKeys = [...entries.keys()].filter(isRevocationKey)
  const repair = (does: string): Repair => ({ does, run: () => sync({ stores, now }) })
  if (loaded === undefined) {
    const what = `${revocationStateKey} is missing: nothing is minted`
    return entryKeys.length === 0
      ? repairable(what, 'edge-signer repair, or deploy again', repair('write an empty revocation state'))
      : repairable(
          `${what}, and the KeyValueStore refuses ${count(entryKeys.length, 'prefix', 'prefixes')}`,
          'restore its last version, or edge-signer repair',
          repair(`rebuild the revocation state for ${entryKeys.map(prefixOf).join(', ')}, for everybody`),
        )
  }
  const state = parseState(loaded.json)
  if (state === undefined) {
    return fail(
      `${revocationStateKey} is damaged: nothing is minted`,
      'restore its last version, or delete it and run edge-signer repair, which rebuilds it for everybody',
    )
  }
  const wanted = revocationEntries(state, now)
  const missing = [...wanted].filter(([key, value]) => entries.get(key) !== value).map(([key]) => key)
  const known = new Set(revocationEntries(state, Number.NEGATIVE_INFINITY).keys())
  const unknown = entryKeys.filter((key) => !known.has(key))
  if (missing.length > 0) {
    return repairable(
      `${missing.length} of ${wanted.size} are not in the KeyValueStore`,
      'edge-signer repair, or revoke again',
      repair(`refuse ${missing.map(prefixOf).join(', ')} in the KeyValueStore`),
    )
  }
  if (unknown.length > 0) {
    return repairable(
      `the KeyValueStore refuses ${count(unknown.length, 'prefix', 'prefixes')} that the state does not name, as after an interrupted undo`,
      'edge-signer repair; revoke again what should stay closed',
      repair(`open ${unknown.map(prefixOf).join(', ')} in the KeyValueStore`),
    )
  }
  const expired = entryKeys.length - wanted.size
  return pass(`${wanted.size} in force${expired === 0 ? '' : `, ${expired} expired that the daily rule drops`}`)
}

async function sync({ stores, now }: RevocationDependencies, stampKey?: string): Promise<readonly string[]> {
  const lines: string[] = []
  const report = (line: string) => void lines.push(line)
  const { revocations } = await syncRevocations(stores, {
    now,
    report,
    ...(stampKey === undefined ? {} : { stampKey }),
  })
  return [...lines, `state and KeyValueStore agree: ${count(revocations.length, 'revocation', 'revocations')} in force`]
}

function parseState(json: string): RevocationState | undefined {
  try {
    return parseRevocationState(json)
  } catch (error) {
    if (error instanceof EdgeSignerError) return undefined
    throw error
  }
}

function prefixOf(key: string): string {
  return key.slice('revoked'.length)
}

function count(number: number, one: string, several: string): string {
  return `${number} ${number === 1 ? one : several}`
}
