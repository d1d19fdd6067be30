import { createPublicKey } from 'node:crypto'
import { ownerTag, released } from '../../../shared/keys/key-secret.ts'
import { keyTimes } from '../../../shared/keys/key-times.ts'
import { publicKeyPem } from '../../../shared/keys/make-key-pair.ts'
import { revocationKey, stateHomeName } from '../../../shared/revocation/key-value.ts'
import { revocationStateKey } from '../../../shared/revocation/state.ts'
import type { Group } from './aws/cloudfront.ts'
import type { MemoryAws } from './aws/memory-aws.ts'
import type { Secret } from './aws/secrets.ts'

/** An invariant that does not hold. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant'
}

/** Throws where a condition of an invariant does not hold. */
export function hold(isHeld: boolean, invariant: `I${1 | 2 | 3 | 4 | 5 | 6}`, what: string): asserts isHeld {
  if (!isHeld) throw new BrokenInvariant(`${invariant}: ${what}`)
}

interface DocumentKey {
  readonly id: string
  readonly notBefore: number
  readonly pem: string
}

/** The facts of the story that the state of AWS does not show. */
export interface Facts {
  /** Ids of stacks that exist. */
  readonly stacks: Set<string>
  /** True while the stage serves: deployed, and not being removed. */
  isLive: boolean
  /** True after an operator removed the signing key by hand, until a deploy has repaired that. */
  isBrokenByHand: boolean
  /** Prefixes whose revocation was confirmed and not taken back. */
  readonly revoked: Set<string>
}

/** Judges the state of AWS after every call. */
export class Invariants {
  readonly facts: Facts = { stacks: new Set(), isLive: false, isBrokenByHand: false, revoked: new Set() }
  /** Keys that have left the group: by hand, or because their time was over. */
  readonly withdrawn = new Set<string>()
  readonly #aws: MemoryAws
  readonly #secretId: string
  /** The key that signed at the last call, by the skew of the signer's clock. */
  readonly #signers = new Map<number, string>()
  readonly #parsed = new Map<string, readonly DocumentKey[] | undefined>()

  constructor(aws: MemoryAws, secretId: string) {
    this.#aws = aws
    this.#secretId = secretId
    aws.cloudFront.onGroupChange = (before, after) => {
      for (const id of before) if (!after.includes(id)) this.withdrawn.add(id)
    }
  }

  /** I1, I2, I5 and I6, as far as they hold at every instant. `now`: epoch milliseconds. */
  check(now: number): void {
    this.#checkOwner()
    for (const { items } of this.#aws.cloudFront.groups.values()) {
      const back = items.find((id) => this.withdrawn.has(id))
      hold(back === undefined, 'I6', `key ${back} is trusted again`)
    }
    for (const prefix of this.facts.revoked) {
      hold(this.#aws.keyValues.entries.has(revocationKey(prefix)), 'I5', `${prefix} is not revoked at the edge`)
      const home = this.#aws.keyValues.entries.get(stateHomeName) ?? ''
      const state = this.#aws.buckets.all.get(home)?.get(revocationStateKey)?.text
      hold(state?.includes(`"${prefix}"`) === true, 'I5', `${prefix} is not revoked in the state`)
    }
    if (!this.facts.isLive || this.facts.isBrokenByHand) {
      this.#signers.clear()
      return
    }
    const seconds = Math.floor(now / 1000)
    // The clock of a signing function may be five minutes off.
    for (const skew of [-keyTimes.clockSkew, 0, keyTimes.clockSkew]) this.#checkSigner(seconds, seconds + skew)
  }

  /** I2 when nothing runs: a secret that is released is also marked for deletion. */
  checkAtRest(): void {
    this.#checkOwner()
    const secret = this.secret()
    const isLeft = secret?.deletedAt === undefined && secret?.owner.get(ownerTag) === released
    hold(!isLeft, 'I2', 'the secret was released and not removed')
  }

  /** A usable secret belongs to a stack that exists, or is on its way from or to one. */
  #checkOwner(): void {
    const secret = this.secret()
    if (secret === undefined || secret.deletedAt !== undefined) return
    const owner = secret.owner.get(ownerTag)
    const isOwned = owner !== undefined && (owner === released || this.facts.stacks.has(owner))
    hold(isOwned, 'I2', `the secret's owner ${owner} does not exist`)
  }

  /** The current keys; `undefined` where there is no usable document. */
  currentKeys(): readonly DocumentKey[] | undefined {
    const secret = this.secret()
    if (secret === undefined || secret.deletedAt !== undefined) return undefined
    const current = [...secret.versions.values()].find(({ labels }) => labels.has('AWSCURRENT'))
    return current?.text === undefined ? undefined : this.#parse(current.text)
  }

  /** The key that a function signs with whose clock shows `now` (epoch seconds). */
  signingKey(now: number): DocumentKey | undefined {
    return this.currentKeys()
      ?.filter(({ notBefore }) => notBefore <= now)
      .reduce<DocumentKey | undefined>((best, key) => (best && best.notBefore >= key.notBefore ? best : key), undefined)
  }

  secret(): Secret | undefined {
    return this.#aws.secrets.all.get(this.#secretId)
  }

  #checkSigner(now: number, signerNow: number): void {
    const key = this.signingKey(signerNow)
    // A document that nobody can read signs nothing; functions that are warm have the last good one.
    if (key === undefined) return void this.#signers.delete(signerNow - now)
    const group = [...this.#aws.cloudFront.groups.values()].find(({ comment }) => comment === this.#secretId)
    hold(group?.items.includes(key.id) === true, 'I1', `key ${key.id} signs and is not in the group`)
    const published = this.#aws.cloudFront.keys.get(key.id)
    hold(published?.pem.trim() === key.pem.trim(), 'I1', `key ${key.id} signs and CloudFront has another public key`)
    this.#checkChange(key.id, group, now, signerNow)
  }

  /** A key takes over from one that is still good only when the group's change is everywhere; nobody would be refused else. */
  #checkChange(id: string, group: Group, now: number, signerNow: number): void {
    const skew = signerNow - now
    const before = this.#signers.get(skew)
    this.#signers.set(skew, id)
    if (before === undefined || before === id || !group.items.includes(before)) return
    const known = (group.addedAt.get(id) ?? 0) / 1000 + keyTimes.propagation
    hold(known <= now + 1, 'I1', `key ${id} takes over from ${before} before it is known everywhere`)
  }

  #parse(text: string): readonly DocumentKey[] | undefined {
    if (!this.#parsed.has(text)) this.#parsed.set(text, parse(text))
    return this.#parsed.get(text)
  }
}

function parse(text: string): readonly DocumentKey[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys: { keyPairId: string; notBefore: number; publicKey: string }[] }
    return keys.map(({ keyPairId, notBefore, publicKey }) => ({
      id: keyPairId,
      notBefore,
      pem: publicKeyPem(createPublicKey(publicKey)),
    }))
  } catch {
    return undefined
  }
}
