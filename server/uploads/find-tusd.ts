import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { LocalError } from '../../local/local-error.ts'
import { projectDirectory } from '../../local/paths.ts'
import { findProgram, isExecutable, runCommand } from '../../local/setup/command.ts'
import { canBuildGoTools, goToolFile, tusd } from '../../local/setup/go-tools.ts'

/** Which upload server a stage is to have: `true` insists on tusd, `false` on the embedded one. */
export type TusdWish = boolean | undefined

/** What a stage starts with. */
export interface FoundTusd {
  /** Absolute path; `undefined` for the embedded server. */
  readonly program: string | undefined
  /** For people: what runs. */
  readonly description: string
  /** tusd can be built for the next start. */
  readonly canBuild: boolean
}

/**
 * Finds tusd: one that can do what is needed (2.9 can) on PATH, else the pinned one in the tool cache.
 *
 * @throws LocalError where it was insisted on and is not there.
 */
export async function findTusd(wish: TusdWish): Promise<FoundTusd> {
  if (wish === false) return { program: undefined, description: 'embedded @tus/server', canBuild: false }
  const onPath = findProgram('tusd')
  if (onPath !== undefined && (await knowsFlags(onPath))) {
    return { program: onPath, description: `tusd, ${onPath}`, canBuild: false }
  }
  const cached = goToolFile(tusd)
  if (isExecutable(cached)) return { program: cached, description: `tusd ${tusd.version}`, canBuild: false }
  if (wish === true) {
    throw new LocalError(
      'tusd is not here. Build it once: npm run setup -- --tusd (needs Go 1.25 or newer), or put tusd 2 on PATH.',
    )
  }
  return { program: undefined, description: 'embedded @tus/server', canBuild: await canBuildGoTools() }
}

/**
 * Builds tusd in a process of its own for the next start; this one does not wait.
 *
 * @returns what ends the build, with everything that it has started.
 */
export function buildTusdAside(): () => void {
  const args = [join(projectDirectory, 'server/main.ts'), 'setup', '--tusd']
  const child = spawn(process.execPath, args, { cwd: projectDirectory, detached: true, stdio: 'ignore' })
  child.on('error', () => {})
  child.unref()
  return () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    try {
      // Its whole group: the compiler has processes of its own.
      process.kill(-child.pid, 'SIGTERM')
    } catch {
      // It has just ended.
    }
  }
}

/** A tusd that was built with `go install` does not know its version; what counts is that it can refuse what must be refused. */
async function knowsFlags(program: string): Promise<boolean> {
  try {
    const { stdout, stderr } = await runCommand(program, ['-h'])
    return ['-disable-concatenation', '-disable-download', '-unix-sock'].every((flag) =>
      `${stdout}${stderr}`.includes(flag),
    )
  } catch {
    return false
  }
}
