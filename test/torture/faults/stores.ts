import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEdgeHandler } from '../../../functions/session/edge-handler.ts'
import { connectToAws } from '../../../functions/session/services.ts'
import { send } from '../../../shared/http/https-send.ts'
import type { Send } from '../../../shared/http/message.ts'
import { configOf, context, eventOf, jwks, keyDocument, token, withSession } from '../../unit/functions/session/edge.ts'
import { type Fault, must } from './fault.ts'

/**
 * The deployed session function with its own network code, and servers in the place of Secrets Manager, S3 and the app's JWKS
 * endpoint that are away, slow or answer junk.
 */

const start = 1_767_225_600
type Service = 'secrets' | 'state' | 'jwks'

/** Ways in which a service can fail a client. */
const failures: Readonly<Record<string, RequestListener | 'refuse'>> = {
  'connection refused': 'refuse',
  'never answers': () => {},
  'hangs up': (request) => void request.socket.destroy(),
  'status 500': (_, response) => void response.writeHead(500).end('no'),
  'status 400': (_, response) => void response.writeHead(400).end('{"__type":"ResourceNotFoundException"}'),
  'junk bytes': (_, response) => void response.end(Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x22])),
  'another JSON': (_, response) => void response.end('{"keys":{},"SecretString":{"keys":1},"revocations":1}'),
  'a page': (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'),
  '5 MB': (_, response) => void response.end(`{"keys":[${'0,'.repeat(2_500_000)}0]}`),
  'half an answer': (_, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('{"keys":[')
    setTimeout(() => response.destroy(), 50)
  },
  'a redirect': (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
}

const wellAnswers: Readonly<Record<Service, RequestListener>> = {
  secrets: (_, response) => void response.end(JSON.stringify({ SecretString: JSON.stringify(keyDocument) })),
  state: (_, response) => void response.end('{"revocations":[]}'),
  jwks: (_, response) => void response.end(JSON.stringify(jwks)),
}

/** A function over three servers whose behaviour can be changed. */
async function openFunction(isGate = false) {
  const behaviours = new Map<Service, RequestListener | 'refuse'>(
    (Object.entries(wellAnswers) as [Service, RequestListener][]).map(([service, answer]) => [service, answer]),
  )
  const server = createServer((request, response) => {
    const behaviour = behaviours.get((request.url ?? '').slice(1) as Service)
    if (behaviour === undefined || behaviour === 'refuse') request.socket.destroy()
    else behaviour(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clock = { now: start }
  const toServer: Send = ({ url, method }, timeoutMs) => {
    const { hostname } = new URL(url)
    const service: Service = hostname.startsWith('secretsmanager')
      ? 'secrets'
      : hostname.includes('.s3.')
        ? 'state'
        : 'jwks'
    const to = behaviours.get(service) === 'refuse' ? 'http://127.0.0.1:1/' : `http://127.0.0.1:${port}/${service}`
    return send({ url: to, method, headers: {} }, timeoutMs)
  }
  const config = configOf(isGate ? { enforcement: 'gate' } : {})
  const handler = createEdgeHandler(config, {
    connect: (account) =>
      connectToAws(config, account, {
        send: toServer,
        credentials: () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'for tests only' }),
        nowMs: () => performance.timeOrigin + performance.now(),
      }),
    nowMs: () => clock.now * 1000,
    random: () => 0.5,
  })
  const mint = async (jwt: string, path = '/_edge/session') => {
    const result = await handler(eventOf(withSession(jwt, { path })), context)
    if (!('status' in result)) return { status: 200, lines: [], isPassed: true }
    const lines = (result.headers?.['set-cookie'] ?? []).map(({ value }) => value)
    return { status: Number(result.status), lines, isPassed: false }
  }
  return {
    behaviours,
    clock,
    mint,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Returns true if the lines set cookies that open something. */
const opens = (lines: readonly string[]) =>
  lines.some((line) => line.startsWith('CloudFront-Signature=') && !line.startsWith('CloudFront-Signature=;'))

const services: Readonly<Record<Service, string>> = {
  secrets: 'secret store',
  state: 'revocation state',
  jwks: 'JWKS endpoint',
}

export const storeFaults: readonly Fault[] = [
  ...(Object.entries(services) as [Service, string][]).map(([service, name]) => ({
    name: `${name} fails from the start: ${Object.keys(failures).join(', ')}`,
    outcome: 'no cookies and an answer of 503 in time, and cookies as soon as it is well again',
    run: () => failsFromTheStart(service),
  })),
  ...(Object.entries(services) as [Service, string][]).map(([service, name]) => ({
    name: `${name} fails while the function is warm`,
    outcome: 'sessions go on for five minutes at least; after hours without it nobody gets cookies',
    run: () => failsWhileWarm(service),
  })),
]

async function failsFromTheStart(service: Service): Promise<void> {
  const jwt = await token()
  await Promise.all(
    Object.entries(failures).flatMap(([failure, behaviour]) =>
      [false, true].map(async (isGate) => {
        const one = await openFunction(isGate)
        const well = one.behaviours.get(service)
        one.behaviours.set(service, behaviour)
        const path = isGate ? '/users/alice/x' : undefined
        const before = performance.now()
        const refused = await one.mint(jwt, path)
        const seconds = (performance.now() - before) / 1000
        const words = `${failure}${isGate ? ', gate' : ''}`
        must(refused.status === 503 && !opens(refused.lines) && !refused.isPassed, `${words}: ${refused.status}`)
        must(seconds < 25, `${words}: the answer took ${seconds.toFixed(1)} s`)
        if (well !== undefined) one.behaviours.set(service, well)
        one.clock.now += 60
        const better = await one.mint(jwt, path)
        must(opens(better.lines), `${words}: ${better.status} after it was well again`)
        await one.stop()
      }),
    ),
  )
}

async function failsWhileWarm(service: Service): Promise<void> {
  const one = await openFunction()
  const long = await token({ exp: start + 86_400 })
  must(opens((await one.mint(long)).lines), 'no cookies while everything was well')
  one.behaviours.set(service, 'refuse')
  one.clock.now += 280
  must(opens((await one.mint(long)).lines), 'no cookies 280 s after the service was lost')
  one.clock.now += 4 * 3600
  const late = await one.mint(long)
  must(late.status === 503 && !opens(late.lines), `cookies four hours later: ${late.status}`)
  one.behaviours.set(service, wellAnswers[service])
  one.clock.now += 60
  must(opens((await one.mint(long)).lines), 'no cookies after the service was back')
  await one.stop()
}

/** The end of a policy cookie, in epoch seconds. */
function policyOf(lines: readonly string[]): { readonly expires: number; readonly notBefore: number } {
  const cookie = lines.find((line) => line.startsWith('CloudFront-Policy=') && !line.startsWith('CloudFront-Policy=;'))
  const text = (cookie ?? '').slice('CloudFront-Policy='.length).split(';')[0] ?? ''
  const json = Buffer.from(text.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/'), 'base64').toString()
  const { Condition } = JSON.parse(json).Statement[0]
  return {
    expires: Condition.DateLessThan['AWS:EpochTime'],
    notBefore: Condition.DateGreaterThan['AWS:EpochTime'],
  }
}

export const clockFaults: readonly Fault[] = [
  {
    name: "the function's clock is 10 minutes ahead",
    outcome: 'sessions end early; cookies begin later and never end after their session',
    run: async () => {
      const one = await openFunction()
      one.clock.now = start + 600
      const ending = await one.mint(await token({ exp: start + 300 }))
      must(ending.status === 401 && !opens(ending.lines), `a session that is over by this clock: ${ending.status}`)
      const good = await one.mint(await token({ exp: start + 1800 }))
      const policy = policyOf(good.lines)
      must(policy.expires <= start + 1800, 'cookies that outlive their session')
      must(policy.notBefore >= start, 'cookies from before the mint')
      await one.stop()
    },
  },
  {
    name: "the function's clock is 10 minutes behind",
    outcome: 'a session from the future is refused; cookies never end after their session',
    run: async () => {
      const one = await openFunction()
      one.clock.now = start - 600
      const future = await one.mint(await token({ nbf: start, exp: start + 1800 }))
      must(
        future.status === 401 && !opens(future.lines),
        `a session that has not begun by this clock: ${future.status}`,
      )
      const over = await one.mint(await token({ exp: start - 300 }))
      // By the right clock it is over; whatever is minted must be over, too.
      must(!opens(over.lines) || policyOf(over.lines).expires <= start - 300, 'cookies that outlive their session')
      await one.stop()
    },
  },
]
