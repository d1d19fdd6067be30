import { type AwsRequest, type AwsSigning, signedRequest } from '../../shared/keys/signature-v4.ts'

/** What a signed request needs from its surroundings. */
export interface AwsSurroundings extends AwsSigning {
  /** Looked up at each call, so that a host process can stand in for AWS. */
  readonly fetch: typeof fetch
}

/** A viewer waits for the answer; with the key document's 4 s in parallel the function stays within its time. */
const tries = 2
const tryMs = 1500

/**
 * Sends a request signed with Signature Version 4. 1.5 s for each of two tries; a network fault, a time-out and 5xx are tried again.
 *
 * @returns status and body.
 */
export async function awsFetch(request: AwsRequest, aws: AwsSurroundings): Promise<{ status: number; body: string }> {
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
