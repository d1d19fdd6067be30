import { type Check, fail, pass, unknown } from '../check.ts'

/** Who wrote the answer that the viewer got, where it was given. */
export const answer: Check = {
  name: 'answer',
  by: 'answer',
  run({ answer, answeredBy }) {
    if (answer === undefined) return unknown('give the answer with --response-headers and --body')
    if (answeredBy === undefined) return unknown('the answer has no mark of who wrote it')
    const { by, outcome, detail, remedy } = answeredBy
    return outcome === 'refused' ? fail(`answered-by-${by}`, detail, remedy) : pass(detail)
  },
}
