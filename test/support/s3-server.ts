import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { holdPort } from '../../local/process/ports.ts'
import { setUpGoTool, versitygw } from '../../local/setup/go-tools.ts'
import { s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { findPart } from './part.ts'

/** Built with Go, once. */
const program = await findPart('versitygw, which is built with Go', () =>
  setUpGoTool(versitygw, { log: (line) => process.stderr.write(`${line}\n`) }),
)

/** Names of programs that this machine lacks, for the name of a skipped test; empty if everything is available. */
export function missingS3Server(): readonly string[] {
  return program.missing()
}

/** A real S3 server that verifies every signature, on a free port of the loopback, with its own empty bucket. */
export interface S3Server {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly client: S3Client
  /** Folder of the bucket: an object is a plain file at its key. */
  readonly content: string
  stop(): Promise<void>
}

const credentials = { accessKeyId: 'TESTACCESSKEY', secretAccessKey: 'test-secret-of-a-loopback-server' }

/** Starts a server. `allowOrigin` is what its CORS answers allow. */
export async function startS3Server(options: { allowOrigin?: string; region?: string } = {}): Promise<S3Server> {
  const region = options.region ?? 'us-east-1'
  const directory = await mkdtemp(join(tmpdir(), 'edge-signer-s3-'))
  const { port, release } = await holdPort(0, false)
  const args = ['--port', `127.0.0.1:${port}`, '--region', region, '--quiet', '--keep-alive']
  if (options.allowOrigin !== undefined) args.push('--cors-allow-origin', options.allowOrigin)
  await release()
  const child = spawn(program.require(), [...args, 'posix', directory], {
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
    return { endpoint, bucket, region, credentials, client, content: join(directory, bucket), stop }
  } catch (cause) {
    await stop()
    throw new Error(`versitygw did not start:\n${said}`, { cause })
  }
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
