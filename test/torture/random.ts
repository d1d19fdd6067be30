import { createHash } from 'node:crypto'

/**
 * Chance that can be repeated: the same seed gives the same sequence on every machine. The generator is xoshiro128** of
 * Blackman and Vigna, its state the SHA-256 of the seed, so that the sequences of neighbouring seeds have nothing in common.
 */
export class Random {
  readonly #state: Uint32Array

  constructor(seed: string) {
    const digest = createHash('sha256').update(seed).digest()
    this.#state = Uint32Array.from([0, 4, 8, 12], (offset) => digest.readUInt32LE(offset) | 1)
  }

  /** A whole number from 0 to `end - 1`. */
  int(end: number): number {
    return Math.floor((this.#next() / 2 ** 32) * end)
  }

  /** One of the values. */
  pick<T>(values: readonly T[]): T {
    return values[this.int(values.length)] as T
  }

  /** True in this share of the calls. */
  chance(share: number): boolean {
    return this.#next() / 2 ** 32 < share
  }

  #next(): number {
    const s = this.#state as unknown as [number, number, number, number]
    const product = Math.imul(s[1], 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const shifted = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result
  }
}
