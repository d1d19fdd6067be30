import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'

/** What a subcommand gets: where it writes, and how it says its exit status. */
export interface CommandContext {
  readonly terminal: Terminal
  exit(code: number): void
}

/** Makes one subcommand. It declares options and examples only; what does the work is imported when it runs. */
export type CommandFactory = (context: CommandContext) => Command
