import http from 'node:http'
import https from 'node:https'
import { buffer } from 'node:stream/consumers'
import { createLocalFetch, type LocalAws } from '../../../local/aws/network.ts'
import { createLocalRevocations, type RevocationPlace } from '../../../local/state/revocation-stores.ts'
import type { AwsAnswer, AwsRequest } from './exchange.ts'
import { answerKeyValueStore } from './key-value-store.ts'
import { answerStateObject } from './state-object.ts'

/**
 * Stands in for AWS in this process, below the SDK and below `fetch`: the function runs as it is deployed, signatures
 * included. There are the secret, the state object and the KeyValueStore; any other host is a network that is not there.
 *
 * @param socketPath where this process may listen.
 */
export function interceptAws(aws: LocalAws, place: RevocationPlace, socketPath: string): void {
  globalThis.fetch = createLocalFetch(aws)
  // As Lambda hands over a role's credentials. They open nothing here, but an unsigned request is refused.
  process.env.AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'
  process.env.AWS_SECRET_ACCESS_KEY = 'local'
  process.env.AWS_REGION = 'us-east-1'
  delete process.env.AWS_SESSION_TOKEN

  const stores = createLocalRevocations(place)
  const services: Readonly<Record<string, (request: AwsRequest) => Promise<AwsAnswer>>> = {
    [`${aws.bucket}.s3.${aws.bucketRegion}.amazonaws.com`]: (request) => answerStateObject(request, stores.state),
    '000000000000.cloudfront-kvs.global.api.aws': (request) => answerKeyValueStore(request, stores.keyValues),
  }
  const server = http.createServer((request, response) => {
    void answer(request, services).then(
      ({ status, headers, body }) => response.writeHead(status, headers).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  server.listen(socketPath).unref()

  // The SDK's own handler calls `https.request(options)`.
  https.request = ((options: http.RequestOptions, callback?: (response: http.IncomingMessage) => void) =>
    http.request({ ...options, protocol: 'http:', agent: false, socketPath }, callback)) as typeof https.request
}

async function answer(
  request: http.IncomingMessage,
  services: Readonly<Record<string, (request: AwsRequest) => Promise<AwsAnswer>>>,
): Promise<AwsAnswer> {
  const { method = 'GET', headers, url = '/' } = request
  const host = headers.host ?? ''
  const service = Object.hasOwn(services, host) ? services[host] : undefined
  // Answered, because a socket that closes would be tried again for seconds.
  if (service === undefined) return { status: 400, body: `the emulation has no ${host}` }
  const { pathname, searchParams } = new URL(url, 'http://aws')
  return service({ method, path: pathname, query: searchParams, headers, body: await buffer(request) })
}
