import { type AwsRequest, type AwsSigning, signedRequest } from './signature-v4.ts'

/** Dependencies of a signed request. */
export interface AwsConnection extends AwsSigning {
  readonly fetch: (request: Request) => Promise<Response>
}

/** Somebody waits for the answer; with the key document's 4 s in parallel the session function stays within its time. */
const tries = 2
const usualTryMs = 1500

/**
 * Sends a request signed with Signature Version 4, at most twice; a network fault, a time-out and 5xx are tried again.
 *
 * @param tryMs milliseconds for each try.
 * @returns status and body.
 */
export async function awsFetch(
  request: AwsRequest,
  aws: AwsConnection,
  tryMs = usualTryMs,
): Promise<{ status: number; body: string }> {
  for (let tried = 1; ; tried++) {
    try {
      const response = await aws.fetch(signedRequest(request, aws, AbortSignal.timeout(tryMs)))
      // Read here: the time-out covers the body too.
      const body = await response.text()
      if (response.status < 500 || tried === tries) return { status: response.status, body }
    } catch (error) {
      if (tried === tries) throw error
    }
  }
}
