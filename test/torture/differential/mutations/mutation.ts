import type { Random } from '../../random.ts'
import type { Claim, Draft, Via } from '../draft.ts'

/** One way to make a request odd. */
export interface Mutation {
  /** For the table of counts: `group: what`. */
  readonly kind: string
  /** The ways of signing to which it can be applied; all where it is left out. */
  readonly vias?: readonly Via[]
  /** Changes what is signed. */
  readonly claim?: (claim: Claim, random: Random) => void
  /** Changes what was signed. */
  readonly draft?: (draft: Draft, random: Random) => void
}

/** The ways of signing that carry a policy of their own. */
export const custom: readonly Via[] = ['cookies', 'url']
export const canned: readonly Via[] = ['canned-cookies', 'canned-url']
export const signed: readonly Via[] = [...custom, ...canned]
export const inCookies: readonly Via[] = ['cookies', 'canned-cookies']
export const inUrl: readonly Via[] = ['url', 'canned-url']
export const links: readonly Via[] = ['link', 'folder-link']
export const inQuery: readonly Via[] = [...inUrl, ...links]

/** Puts a text at the start, in the middle or at the end of another. */
export function insert(text: string, piece: string, random: Random): string {
  const at = random.pick([0, text.length, Math.floor(text.length / 2), random.int(text.length + 1)])
  return text.slice(0, at) + piece + text.slice(at)
}

/** Changes the value of one of the fields. */
export function changeField(draft: Draft, random: Random, change: (value: string, name: string) => string): void {
  const field = random.pick(draft.fields)
  field[1] = change(field[1], field[0])
}

/** Changes the value of a field of that name, where it is there. */
export function changeNamed(draft: Draft, name: string, change: (value: string) => string): void {
  for (const field of draft.fields) if (field[0] === name) field[1] = change(field[1])
}
