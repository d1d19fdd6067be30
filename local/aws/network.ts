import { readFile, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { keysSecretId } from '../../shared/keys/secret-store.ts'
import { isRevocationKey } from '../../shared/revocation/revocation-pair.ts'
import { revocationStateKey } from '../../shared/revocation/state.ts'
import { pseudoParameters } from '../cloudfront/template/intrinsics.ts'
import type { Stage } from '../stage.ts'
import { readKeyValues, stateFiles } from '../state/state-files.ts'

/** The services that a function reaches under AWS's host names. */
export interface LocalAws {
  readonly secretId: string
  /** File that contains the secret's text. */
  readonly secretFile: string
  readonly bucket: string
  readonly bucketRegion: string
  /** Root of the bucket. */
  readonly content: string
  /** URL of the app's public keys, which is really fetched. */
  readonly jwksUrl?: string | null
}

/** Returns the services of a stage. */
export function localAws({ deployment: { service, stage, config }, state, content }: Stage): LocalAws {
  return {
    secretId: keysSecretId(service, stage),
    secretFile: state.secret,
    bucket: config.bucket ?? `${service}-${stage}-${pseudoParameters['AWS::AccountId']}`,
    bucketRegion: config.bucketRegion,
    content,
    jwksUrl: config.session.jwksUrl,
  }
}

/**
 * Creates a `fetch` that reaches Secrets Manager and the bucket as files of this machine, and the app's keys. For any other host it
 * fails as without a network.
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

/** Serves only the keys that the session function's role may read. */
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
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return key === revocationStateKey && isNothingRevoked(aws)
      ? Response.json({ revocations: [] })
      : s3Error(404, 'NoSuchKey')
  }
}

/**
 * Returns true if the KeyValueStore has no revocation. Then a missing state object only means that nothing was deployed, as a deploy
 * creates it. Otherwise it was lost, and the function must notice.
 */
function isNothingRevoked({ secretFile }: LocalAws): boolean {
  return ![...readKeyValues(stateFiles(dirname(secretFile))).keys()].some(isRevocationKey)
}

/** AWS rejects unsigned requests. A bundle that doesn't sign is found here rather than after a deploy. */
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
