import { AwsClient } from 'aws4fetch'
import type { AwsCredentials } from '../../shared/keys/secrets-manager.ts'

/** What a signed request needs from its surroundings. */
export interface AwsSurroundings {
  /** Looked up at each call, so that a host process can stand in for AWS. */
  readonly fetch: typeof fetch
  /** Read anew for each request because they rotate. */
  readonly credentials: () => AwsCredentials
  readonly nowMs: () => number
}

/** One request to one AWS service. */
export interface AwsRequest {
  readonly service: string
  readonly region: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Makes it a POST. */
  readonly body?: string
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
      const response = await aws.fetch(await sign(request, aws))
      // Read here: the time-out covers the body too.
      const body = await response.text()
      if (response.status < 500 || tried === tries) return { status: response.status, body }
    } catch (error) {
      if (tried === tries) throw error
    }
  }
}

function sign({ service, region, url, headers = {}, body }: AwsRequest, aws: AwsSurroundings): Promise<Request> {
  const { accessKeyId, secretAccessKey, sessionToken } = aws.credentials()
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service,
    region,
    retries: 0,
  })
  return client.sign(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(tryMs),
    aws: { datetime: new Date(aws.nowMs()).toISOString().replace(/[:-]|\.\d{3}/g, '') },
  })
}
