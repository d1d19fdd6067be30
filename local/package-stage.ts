import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import type { Template } from './cloudfront/template/intrinsics.ts'
import { projectDirectory } from './paths.ts'
import { runCommand } from './setup/command.ts'
import { withLock } from './setup/lock.ts'

/** A packaged stage: the artefacts that `serverless deploy` would upload. */
export interface PackagedStage {
  readonly directory: string
  readonly template: Template
}

/** Files and folders that a package is built from. */
const sources = [
  'infra',
  'functions',
  'shared',
  'pages',
  'client',
  'edge-signer.config.ts',
  'serverless.yml',
  'package-lock.json',
]
const keptMs = 7 * 86_400_000

/**
 * Packages a stage with `serverless package`. The result is cached under a hash of its sources and parameters. A package that was
 * unused for a week is removed.
 *
 * @param params deployment parameters, as `--param` takes them.
 * @throws LocalError with the framework's message if the configuration is wrong.
 */
export async function packageStage(
  params: Readonly<Record<string, string>>,
  folder: string,
  stage = 'local',
): Promise<PackagedStage> {
  const hash = createHash('sha256').update(`${stage}\n${JSON.stringify(Object.entries(params).sort())}`)
  for (const source of sources) hashTree(source, hash)
  const directory = join(folder, hash.digest('hex').slice(0, 16))
  await withLock(`${directory}.lock`, async () => {
    if (!existsSync(directory)) await packageInto(directory, params, stage)
  })
  const now = new Date()
  utimesSync(directory, now, now)
  removeUnused(folder, now.getTime())
  return { directory, template: JSON.parse(readFileSync(join(directory, templateFile), 'utf8')) as Template }
}

const templateFile = 'cloudformation-template-update-stack.json'

async function packageInto(directory: string, params: Readonly<Record<string, string>>, stage: string): Promise<void> {
  const draft = `${directory}.draft`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(join(directory, '..'), { recursive: true })
  await runCommand(
    join(projectDirectory, 'node_modules', '.bin', 'serverless'),
    [
      'package',
      '--stage',
      stage,
      '--package',
      draft,
      ...Object.entries(params).map(([name, value]) => `--param=${name}=${value}`),
    ],
    { cwd: projectDirectory },
  )
  renameSync(draft, directory)
}

/** Hashes a file or folder with its path in the project, so that two clones of the same sources have the same hash. */
function hashTree(path: string, hash: ReturnType<typeof createHash>): void {
  const absolute = join(projectDirectory, path)
  const stat = statSync(absolute, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (stat.isDirectory()) {
    for (const name of readdirSync(absolute).sort()) hashTree(join(path, name), hash)
    return
  }
  hash.update(`${path}\0${stat.size}\0`).update(readFileSync(absolute))
}

function removeUnused(folder: string, now: number): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now
    if (now - used > keptMs) rmSync(path, { recursive: true, force: true })
  }
}
