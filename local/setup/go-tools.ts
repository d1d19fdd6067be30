import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalError } from '../local-error.ts'
import { localDirectory } from '../paths.ts'
import { findProgram, isExecutable, runCommand } from './command.ts'
import { withLock } from './lock.ts'

/** A program that is built from source with Go, at one version. */
export interface GoTool {
  readonly name: string
  /** The import path of its main package. */
  readonly path: string
  /** The module that holds the package. */
  readonly module: string
  readonly version: string
}

/** An S3 server that checks signatures itself; the tests of the S3 store run against it. Apache-2.0. */
export const versitygw: GoTool = {
  name: 'versitygw',
  path: 'github.com/versity/versitygw/cmd/versitygw',
  module: 'github.com/versity/versitygw',
  version: 'v1.8.0',
}

/** The upload server. MIT. */
export const tusd: GoTool = {
  name: 'tusd',
  path: 'github.com/tus/tusd/v2/cmd/tusd',
  module: 'github.com/tus/tusd/v2',
  version: 'v2.9.2',
}

/** What the modules of these tools ask for; Debian 12 and Ubuntu 24.04 have an older one. */
export const neededGo = { major: 1, minor: 25 } as const
const goName = `Go ${neededGo.major}.${neededGo.minor}`

/** Where built programs are kept, and whom the set-up tells. */
export interface GoToolOptions {
  readonly log: (line: string) => void
  /** Default: `.local/tools/bin` of this project. */
  readonly directory?: string
}

/** Where the program lies once it is built; a new version is another file. */
export function goToolFile(tool: GoTool, directory = join(localDirectory, 'tools', 'bin')): string {
  return join(directory, `${tool.name}-${tool.version}`)
}

/**
 * Finds the program in the cache, or builds it with Go and keeps it. Safe to run from several processes at once: one builds,
 * the others wait and use what it made.
 *
 * @returns the absolute path of the program.
 * @throws LocalError where Go is missing or the build fails.
 */
export async function setUpGoTool(tool: GoTool, options: GoToolOptions): Promise<string> {
  const directory = options.directory ?? join(localDirectory, 'tools', 'bin')
  const file = goToolFile(tool, directory)
  if (isExecutable(file)) return file
  return withLock(join(directory, `${tool.name}.lock`), async () => {
    if (!isExecutable(file)) await build(tool, file, directory, options.log)
    return file
  })
}

/** The Go command, where there is one. */
export function findGo(): string | undefined {
  return findProgram('go') ?? (isExecutable('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : undefined)
}

/** Whether the Go that is here can build the tools: an older one stops at their modules. */
export async function canBuildGoTools(): Promise<boolean> {
  const go = findGo()
  if (go === undefined) return false
  const said = await runCommand(go, ['version']).catch(() => undefined)
  const [, major = 0, minor = 0] = (/ go(\d+)\.(\d+)/.exec(said?.stdout ?? '') ?? []).map(Number)
  return major > neededGo.major || (major === neededGo.major && minor >= neededGo.minor)
}

async function build(tool: GoTool, file: string, directory: string, log: (line: string) => void): Promise<void> {
  const go = findGo()
  if (go === undefined)
    throw new LocalError(
      `${tool.name} is built with ${goName} or newer: install it (https://go.dev/dl/) and try again.`,
    )
  mkdirSync(directory, { recursive: true })
  const workshop = mkdtempSync(join(directory, `${tool.name}-`))
  const begun = Date.now()
  const elapsed = () => `${Math.round((Date.now() - begun) / 1000)} s`
  log(`Building ${tool.name} ${tool.version} with Go, once; this takes a few minutes …`)
  const progress = setInterval(() => log(`  still building ${tool.name} (${elapsed()})`), 20_000)
  try {
    // A module of its own: the project's files must not decide what is built. `go install …@version` does the same, but asks
    // for the list of all versions first, which a proxy that serves pinned versions need not have.
    writeFileSync(
      join(workshop, 'go.mod'),
      `module build\n\ngo ${neededGo.major}.${neededGo.minor}\n\nrequire ${tool.module} ${tool.version}\n`,
    )
    await runCommand(go, ['build', '-o', join(workshop, tool.name), tool.path], {
      cwd: workshop,
      env: { ...process.env, GOFLAGS: '-mod=mod -trimpath -buildvcs=false', CGO_ENABLED: '0' },
    })
    // A rename within one folder: nobody ever sees half a program.
    renameSync(join(workshop, tool.name), file)
    log(`Built ${tool.name} ${tool.version} in ${elapsed()}`)
  } finally {
    clearInterval(progress)
    rmSync(workshop, { recursive: true, force: true })
  }
}
