import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { UsageError } from './usage-error.ts'

/** Input, output and clock of a command. */
export interface Terminal {
  /** Writes to standard output. */
  out(text: string): void
  /** Writes to standard error. */
  err(text: string): void
  /** Replaces the last line of an interactive terminal by a text without control characters. Absent if nobody watches. */
  status?(text: string): void
  /** All of standard input as UTF-8. */
  stdin(): Promise<string>
  /** Epoch seconds. */
  now(): number
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The terminal of this process. */
export const processTerminal: Terminal = {
  out: (line) => void process.stdout.write(line),
  err: (line) => void process.stderr.write(line),
  stdin: () => text(process.stdin),
  now: () => Math.floor(Date.now() / 1000),
  env: process.env,
  // Carriage return, then ECMA-48 "erase in line". A line that is wider than the terminal would leave its beginning behind.
  ...(process.stderr.isTTY
    ? { status: (line) => void process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`) }
    : {}),
}

/** Dependencies of a subcommand: its terminal and a setter of the exit status. */
export interface CommandContext {
  readonly terminal: Terminal
  exit(code: number): void
}

/** Creates a subcommand. It only declares options and examples; the implementation is imported when the subcommand runs. */
export type CommandFactory = (context: CommandContext) => Command

/** Max size in bytes. A cookie jar of a busy browser has a few megabytes. */
const maxBytes = 16 * 2 ** 20

/**
 * Reads a text file; `-` is standard input.
 *
 * @param what name of the file for the error: `the key document`.
 * @throws UsageError if the file cannot be read.
 */
export async function readText(path: string, what: string, terminal: Pick<Terminal, 'stdin'>): Promise<string> {
  if (path === '-') return terminal.stdin()
  try {
    const bytes = await readFile(path)
    if (bytes.length > maxBytes) throw new UsageError(`${what}: the file is too large`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new UsageError(`${what}: cannot read the file (${code})`)
  }
}
