import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { LocalError } from '../local-error.ts'

/** What a command printed. */
export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program to its end, without a shell.
 *
 * @throws LocalError with the last lines it wrote, where it fails or cannot be started.
 */
export function runCommand(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { maxBuffer: 64 * 2 ** 20, ...options }, (error, stdout, stderr) => {
      if (error === null) return resolve({ stdout, stderr })
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-12).join('\n  ')
      reject(new LocalError(`${program} ${args.slice(0, 3).join(' ')} failed:\n  ${said}`, { cause: error }))
    })
  })
}

/** The first executable of that name on PATH, and in the places where Debian keeps servers. */
export function findProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  return [...path.split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find(isExecutable)
}

/** Whether this user may run the file. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
