/** One mint by the whole viewer-request handler, against the two operations that it cannot do without: verify and sign. */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CloudFrontRequestEvent } from 'aws-lambda'
import { build } from 'esbuild'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { sessionFunctionConfig } from '../../functions/session/config.ts'
import type { createEdgeHandler } from '../../functions/session/edge-handler.ts'
import { customPolicy } from '../../shared/cloudfront/policy.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import { parseResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { type Comparison, callsPerSecond, median } from './comparison.ts'
import { benchKey } from './keys.ts'

type Algorithm = 'RS256' | 'HS256'

const ours = 'Edge Signer, whole handler'
const floor = "jose's verify + crypto.sign"
const host = 'd111111abcdef8.cloudfront.net'
const issuer = 'https://app.example.com/'
const audience = 'app'
const now = Math.floor(Date.now() / 1000)
const expires = now + 7200
const sessionSecret = 'a-shared-secret-of-more-than-thirty-two-bytes'

const range = 'a range with good cookies, gate'
const verification = 'crypto.verify, P-256'

export const comparisons: readonly Comparison[] = [
  mint('RS256', 'as deployed'),
  mint('HS256', 'as local'),
  {
    name: 'a range in gate mode, warm',
    unit: 'µs',
    prepare: bundleHandler,
    variants: {
      [range]: async () => microseconds(await rangeOfFile()),
      [verification]: async () => microseconds(verifyOnce()),
    },
    ratios: [{ of: range, against: verification, atMost: 1.3 }],
  },
]

function mint(algorithm: Algorithm, where: string): Comparison {
  return {
    name: `minting for one grant, ${algorithm} session (${where})`,
    unit: 'µs',
    prepare: bundleHandler,
    variants: {
      [ours]: async () => microseconds(await wholeHandler(algorithm)),
      [floor]: async () => microseconds(await verifyAndSign(algorithm)),
    },
    ratios: [
      {
        ...{ of: ours, against: floor, atMost: 1.3 },
        because:
          'jose verifies through WebCrypto, whose promises cost a fifth of a mint; the floor calls it without a handler',
      },
    ],
  }
}

/** The handler as it is deployed, bundled and minified: what runs the benchmarks gives a name to every function it meets, at a price. */
async function bundleHandler() {
  const folder = await mkdtemp(join(tmpdir(), 'edge-signer-bench-'))
  const outfile = join(folder, 'handler.cjs')
  await build({
    entryPoints: ['functions/session/edge-handler.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minify: true,
    mainFields: ['module', 'main'],
    conditions: ['module'],
  })
  return { env: { BENCH_HANDLER: outfile }, stop: () => rm(folder, { recursive: true }) }
}

/** A warm handler over stores in memory, as one call that mints. */
async function wholeHandler(algorithm: Algorithm): Promise<() => Promise<unknown>> {
  const { handle, token } = await openHandler(algorithm)
  const event = viewerRequest('/_edge/session', `__Host-session=${token}`)
  const answer = await handle(event)
  if (!('status' in answer) || answer.status !== '200') throw new Error('the handler did not mint')
  return () => handle(event)
}

/** A warm handler in `gate` mode, as one call with the cookies that it has minted. */
async function rangeOfFile(): Promise<() => Promise<unknown>> {
  const { handle, token } = await openHandler('RS256', 'gate')
  const minted = await handle(viewerRequest('/_edge/session', `__Host-session=${token}`))
  const lines = 'status' in minted ? (minted.headers?.['set-cookie'] ?? []) : []
  const cookies = lines.map(({ value }) => value).filter((line) => /; *path=\/users\//i.test(line))
  const sent = [...cookies.map((line) => line.split(';')[0]), `__Host-session=${token}`].join('; ')
  const event = viewerRequest('/users/alice/disk.img', sent)
  if ('status' in (await handle(event))) throw new Error('the handler did not let the range pass')
  return () => handle(event)
}

/** One verification of a policy's signature with a key at hand. */
function verifyOnce(): () => boolean {
  const privateKey = createPrivateKey(benchKey('ES256'))
  const publicKey = createPublicKey(privateKey)
  const bytes = Buffer.alloc(180, 'policy')
  const signature = sign('sha256', bytes, privateKey)
  return () => verify('sha256', bytes, publicKey, signature)
}

/** The handler over stores in memory. */
async function openHandler(algorithm: Algorithm, enforcement: 'key-group' | 'gate' = 'key-group') {
  const { token, jwk } = await makeSession(algorithm)
  const pem = benchKey('ES256')
  const document = {
    keys: [{ keyPairId: 'K1', algorithm: 'ES256', privateKey: pem, publicKey: publicPem(pem), notBefore: 0 }],
    sessionSecret,
    stampKey: 'c3RhbXAta2V5LWZvci1iZW5jaG1hcmtzLW9ubHktMTIzNDU2Nzg',
  }
  const session = {
    issuer,
    audience,
    algorithms: [algorithm],
    ...(algorithm === 'HS256' ? {} : { jwksUrl: `${issuer}jwks.json` }),
  }
  const stages = { bench: { enforcement, grants: ['/users/{sub}/*'], session } }
  const deployment = parseDeployment({ service: 'edge-signer', defaults: {}, stages }, 'bench')
  const bundle = createRequire(import.meta.url)(process.env.BENCH_HANDLER ?? '') as {
    createEdgeHandler: typeof createEdgeHandler
  }
  const handler = bundle.createEdgeHandler(sessionFunctionConfig(deployment), {
    connect: () => ({
      secrets: { get: async () => JSON.stringify(document) },
      state: { load: async () => '{"revocations":[]}' },
      loadKeySet: async () => ({ keys: [jwk] }),
    }),
    nowMs: Date.now,
    random: Math.random,
  })
  const context = { invokedFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:session:7' }
  return { token, handle: (event: CloudFrontRequestEvent) => handler(event, context) }
}

/** The steps that every mint needs, with every key imported beforehand. */
async function verifyAndSign(algorithm: Algorithm): Promise<() => Promise<unknown>> {
  const { token, key } = await makeSession(algorithm)
  const privateKey = createPrivateKey(benchKey('ES256'))
  const prefix = parseResourcePrefix('/users/alice/')
  const bytes = Buffer.from(customPolicy({ host, prefix, notBefore: now - 60, expires: now + 3600 }))
  const options = { algorithms: [algorithm], issuer, audience }
  return async () => {
    await jwtVerify(token, key, options)
    sign('sha256', bytes, privateKey)
  }
}

/** Of one call. Several short rounds, because a pause of the machine must not count as ours or as the floor's. */
async function microseconds(work: () => unknown): Promise<number> {
  const rounds: number[] = []
  for (let i = 0; i < 7; i++) rounds.push(1e6 / (await callsPerSecond(work, 0.4)))
  return median(rounds)
}

async function makeSession(algorithm: Algorithm) {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const secret = new TextEncoder().encode(sessionSecret)
  const token = await new SignJWT({ email: 'alice@example.com', team: 'red' })
    .setProtectedHeader({ alg: algorithm, kid: 'app-1' })
    .setSubject('alice')
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(expires)
    .sign(algorithm === 'HS256' ? secret : privateKey)
  const key =
    algorithm === 'HS256'
      ? await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
      : publicKey
  return { token, key, jwk: { ...(await exportJWK(publicKey)), kid: 'app-1', alg: 'RS256', use: 'sig' } }
}

function publicPem(privatePem: string): string {
  return createPublicKey(privatePem).export({ type: 'spki', format: 'pem' }).toString()
}

/** A fetch by a page of the site: what CloudFront hands to the function, with the headers that Chromium sends. */
function viewerRequest(uri: string, cookie: string): CloudFrontRequestEvent {
  const method = uri.startsWith('/_edge/') ? 'POST' : 'GET'
  const sent = {
    Host: host,
    'User-Agent':
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    Accept: '*/*',
    'Accept-Encoding': 'gzip, deflate, br, zstd',
    'Accept-Language': 'en-GB,en;q=0.9',
    Origin: `https://${host}`,
    Referer: `https://${host}/app/`,
    'Sec-Fetch-Site': 'same-origin',
    'Sec-Fetch-Mode': 'cors',
    'Sec-Fetch-Dest': 'empty',
    'Content-Length': '0',
    Cookie: cookie,
  }
  const headers = Object.fromEntries(Object.entries(sent).map(([key, value]) => [key.toLowerCase(), [{ key, value }]]))
  return {
    Records: [
      {
        cf: {
          config: {
            distributionDomainName: host,
            distributionId: 'EDFDVBD6EXAMPLE',
            eventType: 'viewer-request',
            requestId: '4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==',
          },
          request: { method, uri, querystring: '', headers, clientIp: '203.0.113.178' },
        },
      },
    ],
  }
}
