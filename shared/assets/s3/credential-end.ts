import type { S3Client } from '@aws-sdk/client-s3'

/** How long a URL may live whose credentials are temporary but do not say until when, in seconds. */
const unknownEnd = 900

/**
 * When a URL signed now may end, in epoch seconds: after `ttl`, but never after the credentials that sign it. S3 refuses
 * a presigned URL as soon as its credentials have ended, whatever its own `X-Amz-Expires` says.
 *
 * A Lambda function's role credentials have a session token and no known end; for those the URL lives 15 minutes at most.
 */
export async function presignedEnd(client: S3Client, ttl: number, now: number): Promise<number> {
  const { expiration, sessionToken } = await client.config.credentials()
  if (expiration !== undefined) return Math.min(now + ttl, Math.floor(expiration.getTime() / 1000))
  return now + (sessionToken === undefined ? ttl : Math.min(ttl, unknownEnd))
}
