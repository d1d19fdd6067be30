/** Who wrote an answer, and what that means for whoever looks for the cause. */
export interface AnswerSource {
  readonly by:
    | 'key-group'
    | 'error-page'
    | 'guard'
    | 'session-function'
    | 'not-found-function'
    | 'api'
    | 'function-failure'
    | 'cloudfront'
    | 's3'
    | 'origin'
  /** CloudFront's code, S3's, or one of shared/errors.ts. */
  readonly code: string | undefined
  /** `renewed`: 307 with fresh cookies in place of the file. */
  readonly outcome: 'served' | 'renewed' | 'redirected' | 'refused'
  readonly detail: string
  readonly remedy: string
}

/** Who wrote it, before it is known what it means for access. */
export type Recognised = Omit<AnswerSource, 'outcome'>

/** The remedy where only the body tells. */
export const readIt = 'The body of the answer says why.'

/** Makes one. */
export function source(by: AnswerSource['by'], code: string | undefined, detail: string, remedy: string): Recognised {
  return { by, code, detail, remedy }
}
