import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main } from '../../../cli/main.ts'

/** Exit status and output of a run. */
export interface Run {
  readonly status: number
  readonly out: string
  readonly err: string
}

/** The current time in these tests, in epoch seconds: 2030-01-01T00:00:00Z. */
export const now = 1_893_456_000

/** Runs `edge-signer` in this process, with `stdin` as its standard input. */
export async function run(
  args: readonly string[],
  stdin = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  let out = ''
  let err = ''
  const status = await main(args, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    stdin: async () => stdin,
    now: () => now,
    env,
  })
  return { status, out, err }
}

/** A folder for the files of one test file. */
export interface Folder {
  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string
  path(name: string): string
  remove(): void
}

/** Makes one, outside of the project. */
export function makeFolder(): Folder {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-cli-'))
  const path = (name: string) => join(directory, name)
  return {
    path,
    write(name, content) {
      writeFileSync(path(name), content)
      return path(name)
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
