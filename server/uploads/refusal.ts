import { apiProblem } from '../../functions/api/problem.ts'
import { EdgeSignerError, type ErrorCode } from '../../shared/errors.ts'

/** A refusal as it travels through an upload server to the client: an RFC 9457 problem. */
export interface UploadRefusal {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** The refusal for what a hook threw. What nobody threw on purpose is a 500 that says nothing. */
export async function uploadRefusal(
  error: unknown,
  log: (entry: Readonly<Record<string, unknown>>) => void,
): Promise<UploadRefusal> {
  const code: ErrorCode = error instanceof EdgeSignerError ? error.code : 'ERR_INTERNAL'
  const problem = apiProblem(code)
  if (problem.status >= 500) {
    log({ level: 'error', code, reason: error instanceof EdgeSignerError ? error.message : String(error) })
  }
  return {
    status: problem.status,
    headers: Object.fromEntries(problem.headers),
    body: await problem.text(),
  }
}
