/** Path below which clients create and send uploads. */
export const uploadPath = '/files/'

/**
 * Paths whose rest is a token: anybody who knows the URL of an upload may send its bytes, and the id of an upload in the API's
 * paths, Uppy's too, is its ticket. Logs keep the part before the token.
 */
export const tokenPaths: readonly string[] = [uploadPath, '/api/uploads/', '/api/s3/multipart/']
