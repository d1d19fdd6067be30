import { answeredBy } from '../answered-by.ts'
import { type Check, fail, pass, unknown } from '../check.ts'

/** Who wrote the answer that the viewer got, where it was given. */
export const answer: Check = {
  name: 'answer',
  by: 'answer',
  run(subject) {
    const source = answeredBy(subject.answer)
    if (subject.answer === undefined) return unknown('give the answer with --response-headers and --body')
    if (source === undefined) return unknown('the answer has no mark of who wrote it')
    // Also a redirect with fresh cookies, which the session function makes in gate mode.
    if ((subject.answer.status ?? 403) < 400) return pass(source.detail)
    return fail(`answered-by-${source.by}`, source.detail, source.remedy)
  },
}
