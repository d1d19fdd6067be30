import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CloudFrontClient, CreateKeyValueStoreCommand } from '@aws-sdk/client-cloudfront'
import { CloudFrontKeyValueStoreClient } from '@aws-sdk/client-cloudfront-keyvaluestore'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { ClientSettings } from '../../functions/provision/aws-stores.ts'
import { holdPort } from '../../local/process/ports.ts'
import { ministack, setUpPythonTool } from './python-tools.ts'

/**
 * An emulator of AWS on a free port of the loopback, empty. It keeps the rules that matter here: an update names the `ETag` it
 * is based on, a key in a group and a group in use cannot be deleted, labels of secrets move as they do at AWS (some of it
 * added by `aws-emulator.py`).
 *
 * What it does not keep: it checks no signature, and its `RotateSecret` calls no function; the tests call the four steps
 * themselves, as Secrets Manager does.
 */
export interface AwsEmulator {
  readonly settings: ClientSettings
  readonly cloudFront: CloudFrontClient
  readonly secrets: SecretsManagerClient
  readonly s3: S3Client
  readonly keyValues: CloudFrontKeyValueStoreClient
  readonly endpoint: string
  stop(): Promise<void>
}

/** Starts an emulator; with `enforceRoles` it refuses what the caller's role does not allow. */
export async function startAwsEmulator(options: { enforceRoles?: boolean } = {}): Promise<AwsEmulator> {
  const python = await setUpPythonTool(ministack, { log: (line) => process.stderr.write(`${line}\n`) })
  const { port, release } = await holdPort(0, false)
  await release()
  const child = spawn(python, [fileURLToPath(new URL('aws-emulator.py', import.meta.url))], {
    env: {
      PATH: process.env.PATH,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      LOG_LEVEL: 'WARNING',
      AUTH: String(options.enforceRoles === true),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(String(chunk)))
  const killChild = () => child.kill('SIGKILL')
  process.once('exit', killChild)
  const settings = clientSettings(port)
  const clients = [
    new CloudFrontClient(settings),
    new SecretsManagerClient(settings),
    new S3Client({ ...settings, forcePathStyle: true }),
    new CloudFrontKeyValueStoreClient(settings),
  ] as const
  const stop = async () => {
    process.off('exit', killChild)
    for (const client of clients) client.destroy()
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  const endpoint = `http://127.0.0.1:${port}`
  try {
    await waitUntilHealthy(endpoint, () => child.exitCode !== null)
  } catch (cause) {
    await stop()
    throw new Error(`ministack did not start:\n${said.join('')}`, { cause })
  }
  const [cloudFront, secrets, s3, keyValues] = clients
  return { settings, cloudFront, secrets, s3, keyValues, endpoint, stop }
}

/** Makes a bucket and a KeyValueStore, as the stack would; returns their names for the custom resource. */
export async function makeStackParts(emulator: AwsEmulator, name: string): Promise<{ bucket: string; arn: string }> {
  await emulator.s3.send(new CreateBucketCommand({ Bucket: name }))
  const { KeyValueStore } = await emulator.cloudFront.send(new CreateKeyValueStoreCommand({ Name: name }))
  return { bucket: name, arn: KeyValueStore?.ARN ?? '' }
}

/** `localhost`, because the KeyValueStore's data API is found at `<account>.<host>`, which no resolver needs to know. */
function clientSettings(port: number): ClientSettings {
  const httpAgent = new Agent({
    keepAlive: true,
    lookup: (_host, options, callback) => {
      if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
      else callback(null, '127.0.0.1', 4)
    },
  })
  return {
    region: 'us-east-1',
    endpoint: `http://localhost:${port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: { httpAgent },
  }
}

async function waitUntilHealthy(endpoint: string, isGone: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline && !isGone()) {
    const answer = await fetch(`${endpoint}/_ministack/health`).catch(() => undefined)
    if (answer?.ok) return
    await delay(50)
  }
  throw new Error('no answer')
}
