import type { Answer, Send } from '../../http/message.ts'
import { type AwsRequest, type AwsSigning, signedRequest } from './signature-v4.ts'

/** Dependencies of a signed request. */
export interface AwsConnection extends AwsSigning {
  readonly send: Send
}

/** Somebody waits for the answer; with the key document's 4 s in parallel the session function stays within its time. */
const tries = 2
const usualTryMs = 1500

/**
 * Sends a request signed with Signature Version 4, at most twice; a network fault, a time-out and 5xx are tried again.
 *
 * @param tryMs milliseconds for each try.
 */
export async function awsSend(request: AwsRequest, aws: AwsConnection, tryMs = usualTryMs): Promise<Answer> {
  for (let tried = 1; ; tried++) {
    try {
      const answer = await aws.send(signedRequest(request, aws), tryMs)
      if (answer.status < 500 || tried === tries) return answer
    } catch (error) {
      if (tried === tries) throw error
    }
  }
}
