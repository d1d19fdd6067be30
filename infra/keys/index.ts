import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { loadDeployment } from '../load-deployment.ts'
import type { ClientSettings } from './aws-stores.ts'
import { createKeys } from './create-keys.ts'
import { prepareStack } from './prepare-stack.ts'

interface Options {
  readonly stage: string
  readonly endpointUrl?: string
  readonly sessionSecretFile?: string
  readonly param: readonly string[]
}

// The SDK's own notice about Node versions says nothing about this project.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

const program = new Command('keys').description('Signing keys of a stage, with the AWS credentials of this shell')

command('create', 'before the first deploy: make key pair, public key, key group, secret and SSM parameter')
  .option('--session-secret-file <file>', 'file with the secret of HS256 sessions')
  .action(async (options: Options) => {
    const { awsKeyStores } = await import('./aws-stores.ts')
    const sessionSecret =
      options.sessionSecretFile === undefined ? undefined : (await readFile(options.sessionSecretFile, 'utf8')).trim()
    await createKeys(deploymentOf(options), await awsKeyStores(settings(options)), {
      now: Math.floor(Date.now() / 1000),
      sessionSecret,
      report,
    })
    report(`next: serverless deploy --stage ${options.stage}, then npm run keys -- stamp --stage ${options.stage}`)
  })

command('stamp', 'after a deploy: put stamp key, pages and revocation state in place').action(
  async (options: Options) => {
    const { awsStackStores } = await import('./aws-stores.ts')
    const deployment = deploymentOf(options)
    const stackName = `${deployment.service}-${deployment.stage}`
    const stores = await awsStackStores(settings(options), stackName, deployment.config.bucketRegion)
    await prepareStack(deployment, stores, report)
  },
)

try {
  await program.parseAsync()
} catch (error) {
  // Name and message only: a stack or an SDK error's fields could show a request's body.
  console.error(error instanceof Error ? `keys: ${error.name}: ${error.message}` : 'keys: failed')
  process.exitCode = 1
}

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--stage <stage>', 'stage of edge-signer.config.ts')
    .option('--param <name=value...>', 'deployment parameters, as given to serverless', [])
    .option('--endpoint-url <url>', 'address of an emulator of AWS')
}

function deploymentOf(options: Options): ReturnType<typeof loadDeployment> {
  return loadDeployment(options.stage, { commandLine: options.param, file: {} })
}

function settings({ endpointUrl }: Options): ClientSettings {
  return { region: 'us-east-1', ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }) }
}

function report(line: string): void {
  console.log(line)
}
