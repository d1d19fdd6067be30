import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A resource of a packaged template, read by tests that check what is in it. */
// biome-ignore lint/suspicious/noExplicitAny: CloudFormation has no useful static type, and a wrong path fails the test
export type Properties = any

/** What `serverless package` left behind. */
export interface PackagedStage {
  readonly dir: string
  readonly output: string
  readonly template: {
    readonly Parameters?: Record<string, Properties>
    readonly Resources: Record<
      string,
      { Type: string; Properties: Properties; DeletionPolicy?: string; UpdateReplacePolicy?: string }
    >
    readonly Outputs: Record<string, { Value: Properties }>
  }
}

const root = fileURLToPath(new URL('../../../', import.meta.url))
const runs = new Map<string, Promise<PackagedStage>>()

/**
 * Runs the real command line in a folder of its own, once for the same arguments. It gets no credentials and an AWS address
 * at which nothing listens, so that packaging which asks AWS for anything fails.
 */
export function packaged(...args: string[]): Promise<PackagedStage> {
  const key = args.join(' ')
  const run = runs.get(key) ?? runServerless(args)
  runs.set(key, run)
  return run
}

/** Removes what the runs of this file left behind. */
export async function removePackages(): Promise<void> {
  const dirs = await Promise.all([...runs.values()].map((run) => run.then(({ dir }) => dir).catch(() => undefined)))
  await Promise.all(dirs.map((dir) => dir && rm(dir, { recursive: true, force: true })))
}

async function runServerless(args: readonly string[]): Promise<PackagedStage> {
  const dir = await mkdtemp(join(tmpdir(), 'packaged-'))
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [join(root, 'node_modules/serverless/bin/serverless.js'), 'package', '--package', dir, ...args],
    { cwd: root, env: { PATH: process.env.PATH, HOME: dir, AWS_ENDPOINT_URL: 'http://127.0.0.1:1', CI: '1' } },
  ).catch(async (error) => {
    await rm(dir, { recursive: true, force: true })
    throw error
  })
  const template = JSON.parse(await readFile(join(dir, 'cloudformation-template-update-stack.json'), 'utf8'))
  return { dir, output: stdout + stderr, template }
}
