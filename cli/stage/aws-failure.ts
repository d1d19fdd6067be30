import { EdgeSignerError, ServiceError } from '../../shared/errors.ts'
import { UsageError } from '../usage-error.ts'

/**
 * Runs calls of AWS and says in a line what an operator can do about their failures. The SDK's messages are not repeated where
 * they could quote a request.
 *
 * @throws UsageError without credentials; ServiceError `ERR_STORE_UNAVAILABLE` for all else; what is ours already stays.
 */
export async function throughAws<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof EdgeSignerError || !(error instanceof Error)) throw error
    throw explained(error)
  }
}

function explained(error: Error): Error {
  if (
    /^(CredentialsProviderError|ExpiredToken|ExpiredTokenException|UnrecognizedClientException|InvalidClientTokenId)$/.test(
      error.name,
    )
  ) {
    return new UsageError(`AWS: no valid credentials (${error.name}): set AWS_PROFILE, or sign in again`)
  }
  if (/AccessDenied/.test(error.name)) {
    return new ServiceError('ERR_STORE_UNAVAILABLE', `AWS: these credentials may not do that (${error.name})`, {
      cause: error,
    })
  }
  const isAnswer = '$metadata' in error
  const isNetwork = 'code' in error && /^E[A-Z]+$/.test(String(error.code))
  if (isAnswer || isNetwork) {
    const why = isNetwork && 'code' in error ? String(error.code) : error.name
    return new ServiceError('ERR_STORE_UNAVAILABLE', `AWS: no answer (${why}): try again`, { cause: error })
  }
  return error
}
