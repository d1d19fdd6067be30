import { Command } from 'commander'
import type { CommandFactory } from '../command-context.ts'

/** `edge-signer serve`: the single-server mode. It is the same program as the emulation, which also explains its options. */
export const serveCommand: CommandFactory = (context) =>
  new Command('serve')
    .description('Serve the public from this one machine, with nginx and tusd (docs/single-server.md).')
    .argument('[options...]', 'see edge-signer serve --help')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args: readonly string[]) => {
      const { serve } = await import('../serve/run.ts')
      context.exit(await serve(args))
    })
