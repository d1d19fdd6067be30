import { readFile, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** What stands behind the host names of AWS that a function asks. */
export interface LocalAws {
  /** Id of the secret, and the file that holds its text. */
  readonly secretId: string
  readonly secretFile: string
  readonly bucket: string
  readonly bucketRegion: string
  /** The bucket's objects. */
  readonly content: string
  /** Where the app publishes its keys; asked for real. */
  readonly jwksUrl?: string | null
}

/**
 * A `fetch` that reaches Secrets Manager and the bucket, as they are on this machine, the app's keys, and nothing else: a function that asks
 * another host gets the error of a network that is not there.
 */
export function createLocalFetch(aws: LocalAws): typeof fetch {
  const real = globalThis.fetch
  return async (input, init) => {
    const request = new Request(input, init)
    if (request.url === aws.jwksUrl) return real(request)
    const url = new URL(request.url)
    if (url.host === 'secretsmanager.us-east-1.amazonaws.com') return getSecretValue(request, aws)
    if (url.host === `${aws.bucket}.s3.${aws.bucketRegion}.amazonaws.com`) return getObject(request, url, aws)
    throw new TypeError(`fetch failed: the emulation has no ${url.host}`)
  }
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
async function getSecretValue(request: Request, aws: LocalAws): Promise<Response> {
  if (!isSigned(request)) return awsError(400, 'MissingAuthenticationTokenException')
  if (request.headers.get('x-amz-target') !== 'secretsmanager.GetSecretValue')
    return awsError(400, 'UnknownOperationException')
  const { SecretId } = (await request.json()) as { SecretId?: unknown }
  if (SecretId !== aws.secretId) return awsError(400, 'ResourceNotFoundException')
  const SecretString = await readFile(aws.secretFile, 'utf8')
  return Response.json(
    { Name: aws.secretId, SecretString },
    { headers: { 'content-type': 'application/x-amz-json-1.1' } },
  )
}

/** Only what the session function's role may read. */
async function getObject(request: Request, url: URL, aws: LocalAws): Promise<Response> {
  if (request.method !== 'GET' || !isSigned(request)) return s3Error(403, 'AccessDenied')
  const key = decodeURIComponent(url.pathname.slice(1))
  if (!key.startsWith('_state/') || key.split('/').includes('..')) return s3Error(403, 'AccessDenied')
  try {
    const root = await realpath(aws.content)
    const file = await realpath(join(root, key))
    if (!file.startsWith(`${root}${sep}`)) return s3Error(404, 'NoSuchKey')
    return new Response(await readFile(file), { headers: { 'content-type': 'application/json' } })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return s3Error(404, 'NoSuchKey')
    throw error
  }
}

/** AWS refuses a request without a signature; that the bundle signs at all is worth knowing before a deployment. */
function isSigned(request: Request): boolean {
  return request.headers.get('authorization')?.startsWith('AWS4-HMAC-SHA256 Credential=') ?? false
}

function awsError(status: number, type: string): Response {
  return Response.json({ __type: type }, { status, headers: { 'content-type': 'application/x-amz-json-1.1' } })
}

function s3Error(status: number, code: string): Response {
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`, {
    status,
    headers: { 'content-type': 'application/xml' },
  })
}
