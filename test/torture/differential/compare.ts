import type { WireAnswer } from '../keep-alive.ts'
import type { Case } from './cases.ts'
import { contentOf, privateFiles, privateMark } from './stage.ts'
import type { Verdict } from './verifier.ts'

/** How the answer of the product and the verdict of the verifier go together. */
export type Finding =
  | { readonly kind: 'both-accept' | 'both-refuse' | 'no-signature-needed' }
  | { readonly kind: 'stricter'; readonly rule: string }
  | { readonly kind: 'wrongly-accepted' | 'wrongly-refused' | 'fault' | 'headers-lost'; readonly why: string }

const files: ReadonlySet<string> = new Set(privateFiles)

/** The headers that keep a user's file from doing harm; values must not depend on anything odd in the request. */
export const protectiveHeaders = [
  'x-content-type-options',
  'cross-origin-resource-policy',
  'content-security-policy',
  'cache-control',
  'content-type',
]

/** Returns the protective headers of an answer as one text. */
export function protectionOf(answer: WireAnswer): string {
  return protectiveHeaders.map((name) => `${name}: ${answer.headers.get(name) ?? '-'}`).join('\n')
}

/**
 * Compares. A private file in an answer is a fault unless the verifier accepts the request for that very file; a refusal is one
 * unless the verifier refuses too, or the request breaks a documented stricter rule.
 *
 * @param expected the protection of each file, by kind of request and key, as a plain request gets it.
 */
export function compare(
  one: Case,
  answer: WireAnswer,
  verdict: Verdict,
  expected: ReadonlyMap<string, string>,
): Finding {
  const { status } = answer
  const shown = privateFiles.find((key) => answer.body.includes(contentOf(key)))
  const isOpened = shown !== undefined || (one.isHead && (status === 200 || status === 206))
  if (answer.body.includes(privateMark) && shown === undefined)
    return { kind: 'wrongly-accepted', why: 'part of a private file' }
  if (isOpened) {
    if (verdict.verdict !== 'accept')
      return { kind: 'wrongly-accepted', why: `${shown ?? 'HEAD'}: ${verdict.reason ?? verdict.verdict}` }
    if (shown !== undefined && shown !== verdict.key)
      return { kind: 'wrongly-accepted', why: `${shown} in place of ${verdict.key}` }
    const plain = expected.get(`${verdict.link ? 'link' : 'file'} ${verdict.key}`)
    if (!one.isHead && plain !== undefined && plain !== protectionOf(answer)) {
      return { kind: 'headers-lost', why: `${protectionOf(answer)}\nin place of\n${plain}` }
    }
    return { kind: 'both-accept' }
  }
  if (status >= 500 && status !== 501) return { kind: 'fault', why: `status ${status}` }
  if (verdict.verdict === 'open') return { kind: 'no-signature-needed' }
  // A signature that holds leads to the bucket's 404 where there is no such file.
  const isMissing = status === 404 && !(answer.headers.get('content-type') ?? '').includes('problem')
  if (verdict.verdict === 'refuse') {
    if (isMissing) return { kind: 'wrongly-accepted', why: `404 of the bucket: ${verdict.reason}` }
    return { kind: 'both-refuse' }
  }
  const isThere = typeof verdict.key === 'string' && files.has(verdict.key)
  if (!isThere && status === 404) return { kind: 'both-accept' }
  const [rule] = verdict.rules
  if (rule !== undefined) return { kind: 'stricter', rule }
  return { kind: 'wrongly-refused', why: `status ${status}` }
}
