import type { ProvisionRequest } from './request.ts'

/** The answer to CloudFormation. */
export type Answer =
  | { readonly Status: 'SUCCESS'; readonly Reason?: string; readonly Data?: Readonly<Record<string, string>> }
  | { readonly Status: 'FAILED'; readonly Reason: string }

const tries = 4
const tryMs = 4000
/** CloudFormation takes 4,096 bytes in all. */
const maxReason = 1000

/**
 * Answers CloudFormation, which otherwise waits until its time-out. A network fault is tried again.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
 */
export async function sendAnswer(
  { ResponseURL, StackId, RequestId, LogicalResourceId }: ProvisionRequest,
  physicalResourceId: string,
  answer: Answer,
  send: typeof fetch,
): Promise<void> {
  const body = JSON.stringify({
    StackId,
    RequestId,
    LogicalResourceId,
    PhysicalResourceId: physicalResourceId,
    ...answer,
    Reason: answer.Reason?.slice(0, maxReason),
  })
  for (let tried = 1; ; tried++) {
    try {
      // The URL is signed for an empty content type.
      const headers = { 'content-type': '' }
      const response = await send(ResponseURL, { method: 'PUT', headers, body, signal: AbortSignal.timeout(tryMs) })
      if (response.ok) return
      throw new Error(`CloudFormation's address answered ${response.status}`)
    } catch (error) {
      if (tried === tries) throw error
    }
  }
}
