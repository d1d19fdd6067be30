import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'

/** Dependencies of a subcommand: its terminal and a setter of the exit status. */
export interface CommandContext {
  readonly terminal: Terminal
  exit(code: number): void
}

/** Creates a subcommand. It only declares options and examples; the implementation is imported when the subcommand runs. */
export type CommandFactory = (context: CommandContext) => Command
