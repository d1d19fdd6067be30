import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import {
  newKeyPairId,
  readKeyDocument,
  type StateFiles,
  writeKeyDocument,
  writeKeyGroup,
} from '../../local/state/state-files.ts'
import type { RunningStage } from '../../server/start.ts'
import { parseKeyDocument, serializeKeyDocument } from '../../shared/keys/key-document.ts'
import type { KeyRing } from '../../shared/keys/key-ring.ts'
import { type KeySecret, type SecretVersion, trustedLabel } from '../../shared/keys/key-secret.ts'
import type { KeyTimes } from '../../shared/keys/key-times.ts'
import { publicKeyPem } from '../../shared/keys/make-key-pair.ts'
import type { KeyGroup, PublishedKey, TrustedKeys } from '../../shared/keys/trusted-keys.ts'

/**
 * The keys of a running emulation, for the same rotation that is deployed. The control plane answers at once, as AWS's does;
 * the key group at the edge follows after the emulation's propagation delay, without a notice.
 *
 * `settled` resolves when every change has reached the edge.
 */
export function localKeyRing({ state, propagationDelay }: RunningStage, times: KeyTimes) {
  const mark = 'edge-signer/local/keys'
  const name = 'edge-signer-local'
  const document = readKeyDocument(state)
  const published: PublishedKey[] = document.keys.map((key) => ({
    id: key.keyPairId,
    name: `${name}-${key.keyPairId}`,
    comment: mark,
    pem: publicKeyPem(key.publicKey),
    createdAt: now(),
  }))
  let group: KeyGroup = {
    id: 'group',
    name: `${name}-keys`,
    comment: mark,
    keyPairIds: published.map(({ id }) => id),
    version: '0',
    modifiedAt: 0,
  }
  const onTheWay = new Set<Promise<void>>()

  function propagate(keyPairIds: readonly string[]): void {
    const keys = Object.fromEntries(
      published.filter(({ id }) => keyPairIds.includes(id)).map(({ id, pem }) => [id, pem]),
    )
    const arrival = new Promise<void>((resolve) => {
      setTimeout(() => {
        writeKeyGroup(state, keys)
        resolve()
      }, propagationDelay * 1000)
    })
    onTheWay.add(arrival)
    void arrival.then(() => onTheWay.delete(arrival))
  }

  const trusted: TrustedKeys = {
    async createPublicKey(key) {
      const made = { ...key, id: newKeyPairId(), createdAt: now() }
      published.push(made)
      return made
    },
    listPublicKeys: async () => [...published],
    findPublicKey: async (id) => published.find((key) => key.id === id),
    async deletePublicKey(id) {
      if (group.keyPairIds.includes(id)) return 'in-use'
      const at = published.findIndex((key) => key.id === id)
      if (at >= 0) published.splice(at, 1)
      return 'deleted'
    },
    findKeyGroup: async () => group,
    createKeyGroup: () => Promise.reject(new Error('the emulation has its group')),
    async updateKeyGroup({ version }, keyPairIds) {
      if (version !== group.version) return 'changed-meanwhile'
      group = { ...group, keyPairIds, version: String(Number(version) + 1), modifiedAt: now() }
      propagate(keyPairIds)
      return 'updated'
    },
    deleteKeyGroup: async () => 'in-use',
  }
  const ring = (): KeyRing => ({
    name,
    secret,
    trusted,
    algorithm: 'ES256',
    times,
    now: now(),
    clock: { nowMs: Date.now, random: Math.random, wait: (ms) => wait(ms) },
    report: () => {},
  })
  const secret = fileSecret(mark, state)
  return { ring, settled: () => Promise.all(onTheWay) }
}

/** Secrets Manager's versions and labels; the current text is the file that the emulation's functions read. */
function fileSecret(id: string, state: StateFiles): KeySecret {
  const first: string = randomUUID()
  const versions = new Map<string, SecretVersion>([
    [first, { id: first, json: serializeKeyDocument(readKeyDocument(state)), createdAt: now() }],
  ])
  let current = first
  const labels = new Map<string, string>()
  const unused = () => Promise.reject(new Error('the emulation has its secret'))
  const makeCurrent = async (versionId: string, from: string | undefined) => {
    if (from !== current) return 'changed-meanwhile' as const
    current = versionId
    writeKeyDocument(state, parseKeyDocument(versions.get(versionId)?.json ?? ''))
    return 'moved' as const
  }
  const put = (versionId: string, json: string) =>
    void versions.set(versionId, { id: versionId, json, createdAt: now() })
  return {
    id,
    describe: async () => ({
      ...{ arn: id, owner: 'local', gone: undefined, markedForDeletion: false, current, draft: undefined },
      pending: labels.get('AWSPENDING'),
      trusted: labels.get(trustedLabel),
    }),
    read: async (versionId) => versions.get(versionId),
    create: unused,
    restore: unused,
    adopt: unused,
    remove: unused,
    async addPending(versionId, json) {
      put(versionId, json)
      labels.set('AWSPENDING', versionId)
    },
    async dropLabel(label, versionId) {
      if (labels.get(label) === versionId) labels.delete(label)
    },
    async markTrusted(versionId) {
      labels.set(trustedLabel, versionId)
    },
    makeCurrent,
    replaceCurrent(json, from) {
      const versionId = randomUUID()
      put(versionId, json)
      return makeCurrent(versionId, from)
    },
  }
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
