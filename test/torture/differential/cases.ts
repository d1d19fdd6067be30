import { Random } from '../random.ts'
import { type Draft, randomClaim, renderDraft, signClaim } from './draft.ts'
import { conditionMutations } from './mutations/conditions.ts'
import { forgeryMutations } from './mutations/forgeries.ts'
import { linkMutations } from './mutations/links.ts'
import type { Mutation } from './mutations/mutation.ts'
import { nameMutations } from './mutations/names.ts'
import { pathMutations } from './mutations/paths.ts'
import { policyMutations } from './mutations/policies.ts'
import { textMutations } from './mutations/texts.ts'
import type { DifferentialStage } from './stage.ts'

/** A request, and how it was made. */
export interface Case {
  readonly number: number
  /** `cookies: date: DateLessThan`, for the counts; of the first mutation where there are two. */
  readonly kind: string
  /** Every mutation. */
  readonly kinds: readonly string[]
  readonly isHead: boolean
  readonly request: Buffer
}

const mutations: readonly Mutation[] = [
  ...textMutations,
  ...conditionMutations,
  ...policyMutations,
  ...forgeryMutations,
  ...nameMutations,
  ...pathMutations,
  ...linkMutations,
]

/** The kinds of mutation, in the order of the table. */
export const kinds: readonly string[] = ['none: rightly signed', ...mutations.map(({ kind }) => kind)]

/**
 * The case of a number: the same seed and number choose the same file, way of signing and mutations. Keys and dates are of this
 * run, so the bytes of signatures differ. A tenth of the cases has no mutation, a fifth has two.
 */
export function makeCase(stage: DifferentialStage, seed: string, number: number, now: number): Case {
  const random = new Random(`${seed} ${number}`)
  const claim = randomClaim(stage, random, now)
  const fitting = mutations.filter(({ vias }) => vias === undefined || vias.includes(claim.via))
  const count = random.pick([0, 1, 1, 1, 1, 1, 1, 1, 2, 2])
  const chosen = Array.from({ length: count }, () => random.pick(fitting))
  for (const { claim: change } of chosen) change?.(claim, random)
  const draft: Draft = signClaim(claim)
  for (const { draft: change } of chosen) {
    // A mutation before may have taken every field away.
    if (draft.fields.length > 0) change?.(draft, random)
  }
  return {
    number,
    kind: chosen[0]?.kind ?? 'none: rightly signed',
    kinds: [claim.via, ...chosen.map(({ kind }) => kind)],
    isHead: draft.method === 'HEAD',
    request: renderDraft(draft),
  }
}
