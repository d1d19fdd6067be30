import { EdgeSignerError, ServiceError } from '../../shared/errors.ts'
import { CredentialsError } from '../usage-error.ts'

/** Settings of every AWS client. With a Region only, the SDK finds the rest itself (`AWS_PROFILE`, roles, …). */
export interface ClientSettings {
  readonly region: string
  /** Address of an AWS emulator. */
  readonly endpoint?: string
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly requestHandler?: object
}

/** Region of all parts of a stage, except perhaps the bucket. */
export const awsDefaults: ClientSettings = { region: 'us-east-1' }

/**
 * Runs AWS calls, and turns their failures into one-line errors that say what to do. The SDK's own messages are not repeated,
 * because they could quote a request.
 *
 * @throws CredentialsError without valid credentials; ServiceError `ERR_STORE_UNAVAILABLE` for other failures of AWS. Errors of this
 * project are rethrown unchanged.
 */
export async function throughAws<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof EdgeSignerError || !(error instanceof Error)) throw error
    throw translated(error)
  }
}

function translated(error: Error): Error {
  if (
    /^(CredentialsProviderError|ExpiredToken|ExpiredTokenException|UnrecognizedClientException|InvalidClientTokenId)$/.test(
      error.name,
    )
  ) {
    return new CredentialsError(error.name)
  }
  if (/AccessDenied/.test(error.name)) {
    return new ServiceError('ERR_STORE_UNAVAILABLE', `AWS: these credentials lack the permission (${error.name})`, {
      cause: error,
    })
  }
  const isAnswer = '$metadata' in error
  const isNetwork = 'code' in error && /^E[A-Z]+$/.test(String(error.code))
  if (isAnswer || isNetwork) {
    const why = isNetwork && 'code' in error ? String(error.code) : error.name
    return new ServiceError('ERR_STORE_UNAVAILABLE', `AWS: no response (${why}): try again`, { cause: error })
  }
  return error
}
