import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { setUpGoTool, versitygw } from '../../local/setup/go-tools.ts'
import { s3ClientDefaults } from '../../shared/assets/s3/location.ts'

/** A real S3 server that verifies every signature, on a free port of the loopback, with its own empty bucket. */
export interface S3Server {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly client: S3Client
  stop(): Promise<void>
}

const credentials = { accessKeyId: 'TESTACCESSKEY', secretAccessKey: 'test-secret-of-a-loopback-server' }

/** Starts a server. `allowOrigin` is what its CORS answers allow. */
export async function startS3Server(options: { allowOrigin?: string; region?: string } = {}): Promise<S3Server> {
  const program = await setUpGoTool(versitygw, { log: (line) => process.stderr.write(`${line}\n`) })
  const region = options.region ?? 'us-east-1'
  const directory = await mkdtemp(join(tmpdir(), 'edge-signer-s3-'))
  const port = await freePort()
  const args = ['--port', `127.0.0.1:${port}`, '--region', region, '--quiet', '--keep-alive']
  if (options.allowOrigin !== undefined) args.push('--cors-allow-origin', options.allowOrigin)
  const child = spawn(program, [...args, 'posix', directory], {
    env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const killChild = () => child.kill('SIGKILL')
  process.once('exit', killChild)
  const stop = async () => {
    process.off('exit', killChild)
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    }
    await rm(directory, { recursive: true, force: true })
  }
  const endpoint = `http://127.0.0.1:${port}`
  const client = new S3Client({ ...s3ClientDefaults, endpoint, region, forcePathStyle: true, credentials })
  try {
    await waitUntilOpen(port, () => child.exitCode !== null)
    const bucket = 'edge-signer-test'
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
    return { endpoint, bucket, region, credentials, client, stop }
  } catch (cause) {
    await stop()
    throw new Error(`versitygw did not start:\n${said}`, { cause })
  }
}

/** A port that nobody listens on at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function waitUntilOpen(port: number, isGone: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000
  while (Date.now() < deadline && !isGone()) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (open) return
    await delay(25)
  }
  throw new Error('the port stayed closed')
}
