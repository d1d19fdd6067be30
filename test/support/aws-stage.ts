import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { DeleteBucketCommand, DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { CloudFrontResultResponse } from 'aws-lambda'
import { createAwsClients, openAwsStores } from '../../functions/provision/aws-stores.ts'
import { createProvisionHandler, type ProvisionDependencies } from '../../functions/provision/create-handler.ts'
import { createRotateKeyHandler } from '../../functions/rotate-key/create-handler.ts'
import { sessionFunctionConfig } from '../../functions/session/config.ts'
import { createEdgeHandler } from '../../functions/session/edge-handler.ts'
import { connectToAws } from '../../functions/session/services.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import { send } from '../../shared/http/https-send.ts'
import type { Answer, OutgoingRequest } from '../../shared/http/message.ts'
import type { KeyAlgorithm } from '../../shared/keys/key-algorithm.ts'
import { parseKeyDocument } from '../../shared/keys/key-document.ts'
import type { KeyRing } from '../../shared/keys/key-ring.ts'
import { keyTimes } from '../../shared/keys/key-times.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import { context, eventOf, withSession } from '../unit/functions/session/edge.ts'
import { type AwsEmulator, makeStackParts } from './aws-emulator.ts'
import { createSessionMaker } from './session-maker.ts'
import { type CookieLine, parseLine } from './set-cookie.ts'

/** The answer to CloudFormation. */
export interface CloudFormationAnswer {
  readonly Status: 'SUCCESS' | 'FAILED'
  readonly Reason?: string
  readonly PhysicalResourceId: string
  readonly Data?: Readonly<Record<string, string>>
}

/**
 * One stage in an emulator of AWS, driven as AWS drives it: CloudFormation's events with an address to answer to, the steps
 * of Secrets Manager, the daily rule, viewer requests to the session function. `clock.ahead` (seconds) moves our time, not AWS's.
 */
export async function openStage(aws: AwsEmulator, service = `s${randomUUID().slice(0, 8)}`) {
  const deployment = parseDeployment(
    {
      service,
      defaults: {},
      stages: {
        dev: { grants: ['/users/{sub}/*'], session: { algorithms: ['HS256'], issuer: 'app', audience: 'cdn' } },
      },
    },
    'dev',
  )
  const secretId = `${service}/dev/keys`
  const name = `${service}-dev`
  const parts = await makeStackParts(aws, `${name}-000000000000`)
  const pages = [{ key: '_edge/pages/403.html', contentType: 'text/html; charset=utf-8', text: '<!doctype html>' }]
  const clock = { ahead: 0 }
  const nowMs = () => Date.now() + clock.ahead * 1000
  // Waiting takes no time of the test's.
  const wait = async (ms: number) => {
    clock.ahead += ms / 1000
  }
  const pace = { nowMs, random: () => 0.5, wait }
  const lines: string[] = []
  const report = (line: string) => void lines.push(line)
  const clients = createAwsClients(aws.settings)
  const stores = openAwsStores(secretId, clients)
  const ring = (): KeyRing => ({
    name,
    secret: stores.secret,
    trusted: stores.trusted,
    algorithm: 'ES256',
    times: keyTimes,
    now: Math.floor(nowMs() / 1000),
    clock: pace,
    report,
  })
  const revocations: RevocationStores = {
    keyValues: stores.keyValues(parts.arn),
    state: stores.bucket({ name: parts.bucket, region: 'us-east-1' }).state,
    clock: { nowMs, random: Math.random, wait: async () => undefined },
  }
  const rotateKey = createRotateKeyHandler({ ring: ring(), revocations })

  async function cloudFormation(
    type: 'Create' | 'Update' | 'Delete',
    options: {
      stack?: string
      properties?: Record<string, string>
      oldProperties?: Record<string, string>
      world?: Partial<ProvisionDependencies>
      remainingMs?: number
    } = {},
  ): Promise<CloudFormationAnswer> {
    const world: ProvisionDependencies = {
      openStores: (signal) => openAwsStores(secretId, clients, signal),
      fetch,
      clock: pace,
      startTimer: (ms, fire) => {
        const timer = setTimeout(fire, ms)
        return () => clearTimeout(timer)
      },
      report,
      ...options.world,
    }
    const inbox = await answerInbox()
    const event = {
      RequestType: type,
      ResponseURL: inbox.url,
      StackId: options.stack ?? `arn:aws:cloudformation:us-east-1:000000000000:stack/${name}/1`,
      RequestId: randomUUID(),
      LogicalResourceId: 'SigningKeys',
      ResourceProperties: {
        ServiceToken: 'arn:aws:lambda:us-east-1:000000000000:function:provision',
        Algorithm: 'ES256',
        SessionSecret: 'shared',
        KeyValueStoreArn: parts.arn,
        BucketName: parts.bucket,
        BucketRegion: 'us-east-1',
        Deployment: randomUUID(),
        ...options.properties,
      },
      ...(options.oldProperties && { OldResourceProperties: options.oldProperties }),
    }
    const remaining = options.remainingMs ?? 120_000
    const handler = createProvisionHandler({ name, bucketOwner: `${service}/dev`, secretId, pages }, world)
    await handler(event, { logStreamName: 'log', getRemainingTimeInMillis: () => remaining })
    return JSON.parse(await inbox.answer())
  }

  const step = async (Step: string, ClientRequestToken: string) => {
    const { arn } = (await stores.secret.describe()) ?? { arn: '' }
    await rotateKey({ Step, SecretId: arn, ClientRequestToken })
  }

  return {
    aws,
    deployment,
    service,
    name,
    secretId,
    parts,
    clock,
    lines,
    stores,
    ring,
    revocations,
    cloudFormation,
    rotateKey,
    step,
    /** A whole rotation; returns the id of the new version. */
    async rotate(versionId: string = randomUUID()): Promise<string> {
      for (const name of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) await step(name, versionId)
      return versionId
    },
    daily: () => rotateKey({ source: 'aws.events', 'detail-type': 'Scheduled Event' }),
    async document() {
      const { current = '' } = (await stores.secret.describe()) ?? {}
      return parseKeyDocument((await stores.secret.read(current))?.json ?? '')
    },
    keyIds: async () =>
      (await stores.trusted.listPublicKeys()).filter((key) => key.comment === secretId).map(({ id }) => id),
    groupIds: async () => (await stores.trusted.findKeyGroup(`${name}-keys`))?.keyPairIds ?? [],
    /** Removes the bucket with all that is in it, by hand. */
    async removeBucket() {
      const Bucket = parts.bucket
      const { Contents = [] } = await aws.s3.send(new ListObjectsV2Command({ Bucket }))
      for (const { Key } of Contents) await aws.s3.send(new DeleteObjectCommand({ Bucket, Key }))
      await aws.s3.send(new DeleteBucketCommand({ Bucket }))
    },
    /** Returns the answer of a cold session function to a session of this subject. */
    async mint(sub: string, claims: Readonly<Record<string, unknown>> = {}): Promise<Minted> {
      const now = Math.floor(nowMs() / 1000)
      const { sessionSecret = '' } = await this.document()
      const maker = createSessionMaker({ secret: sessionSecret, issuer: 'app', audience: 'cdn' })
      const jwt = maker.signed({ payload: { sub, iat: now - 5, exp: now + 7200, ...claims } })
      const handler = createEdgeHandler(sessionFunctionConfig(deployment), {
        connect: () =>
          connectToAws(sessionFunctionConfig(deployment), async () => '000000000000', {
            send: (request, timeoutMs) => sendToEmulator(aws, request, timeoutMs),
            credentials: () => ({ accessKeyId: 'test', secretAccessKey: 'test' }),
            nowMs,
          }),
        nowMs,
        random: Math.random,
      })
      const answer: unknown = await handler(eventOf(withSession(jwt)), context)
      const { status, headers, body } = answer as CloudFrontResultResponse
      const cookies = (headers?.['set-cookie'] ?? []).map(({ value }) => parseLine(value))
      return { status: Number(status), cookies, body: body ?? '' }
    },
  }
}

/** A stage in an emulator. */
export type Stage = Awaited<ReturnType<typeof openStage>>

/** The answer of a session function. */
export interface Minted {
  readonly status: number
  readonly cookies: readonly CookieLine[]
  readonly body: string
}

/** The algorithms, for tests that run over them. */
export const algorithms = ['ES256', 'RS256', 'RS1'] as const satisfies readonly KeyAlgorithm[]

/** Sends what is meant for AWS to the emulator: the service by its headers, a bucket by its path. */
function sendToEmulator(aws: AwsEmulator, request: OutgoingRequest, timeoutMs: number): Promise<Answer> {
  const { hostname, pathname, search } = new URL(request.url)
  const bucket = /^(.+)\.s3\.[a-z0-9-]+\.amazonaws\.com$/.exec(hostname)?.[1]
  const path = bucket === undefined ? pathname : `/${bucket}${pathname}`
  return send({ ...request, url: `${aws.endpoint}${path}${search}` }, timeoutMs)
}

/** An address that takes one answer, as CloudFormation's presigned URL does: only with an empty content type. */
async function answerInbox(): Promise<{ url: string; answer: () => Promise<string> }> {
  let take: (body: string) => void
  const taken = new Promise<string>((resolve) => {
    take = resolve
  })
  const server = createServer((request, response) => {
    const good = request.method === 'PUT' && (request.headers['content-type'] ?? '') === ''
    void text(request).then((body) => {
      response.writeHead(good ? 200 : 403).end()
      if (good) take(body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/answer`,
    async answer() {
      const body = await taken
      server.close()
      return body
    },
  }
}
