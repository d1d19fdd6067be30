import { CommanderError } from 'commander'
import { EdgeSignerError, messageOf } from '../shared/errors.ts'
import { exitCodes } from './exit-codes.ts'
import { createProgram } from './program.ts'
import { redactText } from './redact.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/**
 * Runs the command line and resolves with the exit status; never rejects.
 *
 * @param args without `node` and the script's name.
 */
export async function main(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  let status: number = exitCodes.granted
  const program = createProgram({
    terminal,
    exit: (code) => {
      status = code
    },
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    // The parser has printed its own message; asking for help is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.granted : exitCodes.usage
    if (error instanceof EdgeSignerError) {
      terminal.err(`edge-signer: ${messageOf(error)} (${error.code})\n`)
      return error instanceof UsageError ? exitCodes.usage : exitCodes.refused
    }
    terminal.err(
      `edge-signer: ${redactText(error instanceof Error ? (error.stack ?? error.message) : 'unknown error')}\n`,
    )
    return exitCodes.internal
  }
}
