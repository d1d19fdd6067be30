import { AssetError, EdgeSignerError, type ErrorCode, ServiceError } from '../../errors.ts'

/**
 * From S3's error codes to ours.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const codes: Readonly<Record<string, ErrorCode>> = {
  NoSuchKey: 'ERR_ASSET_NOT_FOUND',
  NotFound: 'ERR_ASSET_NOT_FOUND',
  PreconditionFailed: 'ERR_ASSET_EXISTS',
  // Another conditional write to the key won while this one was under way.
  ConditionalRequestConflict: 'ERR_ASSET_EXISTS',
  NoSuchUpload: 'ERR_UPLOAD_NOT_FOUND',
  InvalidPart: 'ERR_UPLOAD_MISMATCH',
  BadDigest: 'ERR_UPLOAD_MISMATCH',
  InvalidPartOrder: 'ERR_UPLOAD_PARTS',
  EntityTooSmall: 'ERR_UPLOAD_PARTS',
  EntityTooLarge: 'ERR_TOO_LARGE',
  KeyTooLongError: 'ERR_KEY_INVALID',
}

/**
 * The error to throw for what the SDK threw. Anything unlisted is ours or S3's to repair, so a 503; its message holds the
 * code alone, because S3's own messages quote keys and signatures.
 */
export function s3Fault(error: unknown): EdgeSignerError {
  if (error instanceof EdgeSignerError) return error
  const name = error instanceof Error ? error.name : 'unknown'
  const code = Object.hasOwn(codes, name) ? codes[name] : undefined
  if (code !== undefined) return new AssetError(code, undefined, { cause: error })
  return new ServiceError('ERR_STORE_UNAVAILABLE', `S3 answered ${name}`, { cause: error })
}

/** Runs a request to S3 and translates what it throws. */
export async function withFaults<T>(request: Promise<T>): Promise<T> {
  try {
    return await request
  } catch (error) {
    throw s3Fault(error)
  }
}

/** Like `withFaults`, with `undefined` for one code. */
export async function unless<T>(code: ErrorCode, request: Promise<T>): Promise<T | undefined> {
  try {
    return await request
  } catch (error) {
    const fault = s3Fault(error)
    if (fault.code === code) return undefined
    throw fault
  }
}
