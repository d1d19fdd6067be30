import { rmSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import { dirname, join, sep } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { urlToHttpOptions } from 'node:url'
import { keysSecretId } from '../../shared/keys/key-secret.ts'
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
  /** URL of the app's public keys, which are really fetched. */
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

/** A request as a service of AWS gets it. */
export interface AwsRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Answer of the service. */
export interface AwsAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Services by host name. */
export type AwsServices = Readonly<Record<string, (request: AwsRequest) => Promise<AwsAnswer>>>

/** Secrets Manager and the bucket, as files of this machine. */
export function localServices(aws: LocalAws): AwsServices {
  return {
    'secretsmanager.us-east-1.amazonaws.com': (request) => getSecretValue(request, aws),
    [`${aws.bucket}.s3.${aws.bucketRegion}.amazonaws.com`]: (request) => getObject(request, aws),
  }
}

/**
 * Stands in for AWS in this process, below the SDK and below every other client of `node:https`: the function runs as it is
 * deployed, signatures included. A host that is no service is answered with 400, as a network that is not there would be tried again
 * for seconds.
 *
 * @param socketPath where this process may listen.
 * @param realUrl a URL whose host is really asked.
 */
export function interceptHttps(services: AwsServices, socketPath: string, realUrl?: string | null): void {
  const server = http.createServer((request, response) => {
    void answer(request, services).then(
      ({ status, headers, body }) => response.writeHead(status, headers).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  rmSync(socketPath, { force: true })
  server.listen(socketPath).unref()

  const real = https.request
  const realHost = realUrl ? new URL(realUrl).hostname : undefined
  type Callback = (response: http.IncomingMessage) => void
  const intercepted = (
    to: string | URL | http.RequestOptions,
    second?: http.RequestOptions | Callback,
    third?: Callback,
  ) => {
    const isUrl = typeof to === 'string' || to instanceof URL
    const callback = typeof second === 'function' ? second : third
    const given = isUrl ? { ...urlToHttpOptions(new URL(to)), ...(typeof second === 'object' ? second : {}) } : to
    if (realHost !== undefined && given.hostname === realHost) return real(given, callback)
    const headers = { host: given.hostname ?? given.host ?? '', ...(given.headers as http.OutgoingHttpHeaders) }
    return http.request({ ...given, headers, protocol: 'http:', agent: false, socketPath }, callback)
  }
  https.request = intercepted as typeof https.request
}

/** Sets the variables in which Lambda passes the role's credentials. Services here accept any, and refuse unsigned requests. */
export function setRoleCredentials(environment: NodeJS.ProcessEnv): void {
  environment.AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'
  environment.AWS_SECRET_ACCESS_KEY = 'local'
  environment.AWS_REGION = 'us-east-1'
  delete environment.AWS_SESSION_TOKEN
}

async function answer(request: http.IncomingMessage, services: AwsServices): Promise<AwsAnswer> {
  const { method = 'GET', headers, url = '/' } = request
  const host = headers.host ?? ''
  const service = Object.hasOwn(services, host) ? services[host] : undefined
  if (service === undefined) return { status: 400, body: `the emulation has no ${host}` }
  const { pathname, searchParams } = new URL(url, 'http://aws')
  return service({ method, path: pathname, query: searchParams, headers, body: await buffer(request) })
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
async function getSecretValue(request: AwsRequest, aws: LocalAws): Promise<AwsAnswer> {
  if (!isSigned(request)) return awsError(400, 'MissingAuthenticationTokenException')
  if (request.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue')
    return awsError(400, 'UnknownOperationException')
  const { SecretId } = JSON.parse(request.body.toString()) as { SecretId?: unknown }
  if (SecretId !== aws.secretId) return awsError(400, 'ResourceNotFoundException')
  const SecretString = await readFile(aws.secretFile, 'utf8')
  return json(200, { Name: aws.secretId, SecretString })
}

/** Serves only the keys that the session function's role may read. */
async function getObject(request: AwsRequest, aws: LocalAws): Promise<AwsAnswer> {
  if (request.method !== 'GET' || !isSigned(request)) return s3Error(403, 'AccessDenied')
  const key = decodeURIComponent(request.path.slice(1))
  if (!key.startsWith('_state/') || key.split('/').includes('..')) return s3Error(403, 'AccessDenied')
  try {
    const root = await realpath(aws.content)
    const file = await realpath(join(root, key))
    if (!file.startsWith(`${root}${sep}`)) return s3Error(404, 'NoSuchKey')
    return { status: 200, headers: { 'content-type': 'application/json' }, body: await readFile(file, 'utf8') }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return key === revocationStateKey && isNothingRevoked(aws)
      ? { status: 200, headers: { 'content-type': 'application/json' }, body: '{"revocations":[]}' }
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
function isSigned({ headers }: AwsRequest): boolean {
  return headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=') ?? false
}

function awsError(status: number, type: string): AwsAnswer {
  return json(status, { __type: type })
}

function json(status: number, value: object): AwsAnswer {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify(value) }
}

function s3Error(status: number, code: string): AwsAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`
  return { status, headers: { 'content-type': 'application/xml' }, body }
}
