import { CommanderError } from 'commander'
import { EdgeSignerError, messageOf } from '../shared/errors.ts'
import { exitCodes } from './exit-codes.ts'
import { printErrorMessage, withEscapedOutput } from './print.ts'
import { createProgram } from './program.ts'
import { redactText } from './redact.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { CredentialsError, UsageError } from './usage-error.ts'

/**
 * Runs the command line and resolves with the exit status; never rejects.
 *
 * @param args arguments without `node` and the name of the script.
 */
export async function main(args: readonly string[], given: Terminal = processTerminal): Promise<number> {
  let status: number = exitCodes.granted
  const terminal = withEscapedOutput(given)
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
    // The parser has already printed its message. A request for help is not an error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.granted : exitCodes.usage
    if (error instanceof EdgeSignerError) {
      printErrorMessage(terminal, `edge-signer: ${messageOf(error)} (${error.code})`)
      if (error instanceof CredentialsError) return exitCodes.credentials
      return error instanceof UsageError ? exitCodes.usage : exitCodes.refused
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : 'unknown error'
    printErrorMessage(terminal, `edge-signer: ${redactText(text)}`)
    return exitCodes.internal
  }
}
