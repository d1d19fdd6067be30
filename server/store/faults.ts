import { AssetError, EdgeSignerError, type ErrorCode, ServiceError } from '../../shared/errors.ts'

/** From the system's error names to ours. */
const codes: Readonly<Record<string, ErrorCode>> = {
  EEXIST: 'ERR_ASSET_EXISTS',
  // A file where the key needs a folder, or the other way round: the key is taken in a way that a bucket does not know.
  ENOTDIR: 'ERR_ASSET_EXISTS',
  EISDIR: 'ERR_ASSET_EXISTS',
  ENOTEMPTY: 'ERR_ASSET_EXISTS',
  // A segment above 255 bytes: a bucket would take it, a file system does not.
  ENAMETOOLONG: 'ERR_KEY_INVALID',
}

/**
 * The error to throw for what a file operation threw. What is unlisted (a full disk, a read-only one, missing rights) is ours to
 * repair: a 503, whose message holds the system's name of it and no path.
 */
export function fileFault(error: unknown): EdgeSignerError {
  if (error instanceof EdgeSignerError) return error
  const name = errorName(error)
  const code = Object.hasOwn(codes, name) ? codes[name] : undefined
  if (code !== undefined) return new AssetError(code, undefined, { cause: error })
  return new ServiceError('ERR_STORE_UNAVAILABLE', `the file system answered ${name}`, { cause: error })
}

/** Runs file operations and translates what they throw. */
export async function withFaults<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw fileFault(error)
  }
}

/** `undefined` where there is nothing, also where a folder on the way is a file. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errorName(error))) return undefined
    throw error
  }
}

/** `ENOENT` and the like. */
export function errorName(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown'
}
