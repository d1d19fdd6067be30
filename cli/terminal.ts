import { text } from 'node:stream/consumers'

/** Input, output and clock of a command. */
export interface Terminal {
  /** Writes to standard output. */
  out(text: string): void
  /** Writes to standard error. */
  err(text: string): void
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
}
