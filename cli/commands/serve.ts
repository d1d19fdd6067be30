import { Command } from 'commander'
import type { CommandFactory } from '../terminal.ts'

/**
 * `edge-signer serve`: the single-server mode, for the list of commands in the help. The entry script starts its program itself,
 * before this module is loaded, because it must handle signals from the first moment on.
 */
export const serveCommand: CommandFactory = () =>
  new Command('serve')
    .description('Serve the public from this one machine, with nginx and tusd (docs/single-server.md).')
    .argument('[options...]', 'see edge-signer serve --help')
    .allowUnknownOption()
    .helpOption(false)
