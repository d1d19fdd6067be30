import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A resource of a packaged template, read by tests that check what is in it. */
// biome-ignore lint/suspicious/noExplicitAny: CloudFormation has no useful static type, and a wrong path fails the test
export type Properties = any

/** The output of `serverless package`. */
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
/** Files of the project that packaging reads. */
const sources = ['client', 'functions', 'infra', 'pages', 'shared', 'package.json', 'serverless.yml']
const runs = new Map<string, Promise<PackagedStage>>()
let project: Promise<string> | undefined

/**
 * Runs the real command line on a copy of the project, once for the same arguments. In it `edge-signer.config.ts` is the fixture,
 * as a deployer edits that file. It gets no credentials and an AWS address at which nothing listens, so that
 * packaging which asks AWS for anything fails.
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
  await Promise.all([...dirs, await project].map((dir) => dir && rm(dir, { recursive: true, force: true })))
}

async function copyProject(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'project-'))
  await Promise.all(sources.map((name) => cp(join(root, name), join(dir, name), { recursive: true })))
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'))
  const fixture = await readFile(join(root, 'test/unit/fixtures/edge-signer.config.ts'), 'utf8')
  await writeFile(join(dir, 'edge-signer.config.ts'), fixture.replace('../../../shared/', './shared/'))
  return dir
}

async function runServerless(args: readonly string[]): Promise<PackagedStage> {
  project ??= copyProject()
  const cwd = await project
  const dir = await mkdtemp(join(tmpdir(), 'packaged-'))
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [join(root, 'node_modules/serverless/bin/serverless.js'), 'package', '--package', dir, ...args],
    { cwd, env: { PATH: process.env.PATH, HOME: dir, AWS_ENDPOINT_URL: 'http://127.0.0.1:1', CI: '1' } },
  ).catch(async (error) => {
    await rm(dir, { recursive: true, force: true })
    throw error
  })
  const template = JSON.parse(await readFile(join(dir, 'cloudformation-template-update-stack.json'), 'utf8'))
  return { dir, output: stdout + stderr, template }
}
