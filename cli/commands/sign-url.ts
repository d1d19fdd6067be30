import { Command } from 'commander'
import type { CommandFactory } from '../command-context.ts'
import type { SignUrlOptions } from '../sign/url.ts'
import { addSigningOptions } from './key-options.ts'

const examples = `
Exit status: 0 signed, 1 the keys cannot sign, 2 wrong arguments or unreadable input.

Examples:
  edge-signer sign-url https://cdn.example.com/users/alice/a.bin --keys keys.json --expires-in 15m
  edge-signer sign-url https://cdn.example.com/users/alice/a.bin --keys K2JCJMDEHXQW5F=private.pem
  curl -r 0-99 "$(edge-signer sign-url http://localhost:8080/users/alice/notes.txt --local)"
  edge-signer sign-url --folder https://cdn.example.com/users/alice/ --local --json`

/** `edge-signer sign-url`: one signed URL, or the query string of a whole prefix. */
export const signUrlCommand: CommandFactory = (context) =>
  addSigningOptions(
    new Command('sign-url')
      .description('Sign a URL, percent-encoded as it will be requested.')
      .argument('<url>', 'the URL, or with --folder a prefix'),
  )
    .option('--folder', 'one query string for every file below the prefix')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (url: string, options: SignUrlOptions) => {
      const { runSignUrl } = await import('../sign/url.ts')
      context.exit(await runSignUrl(url, options, context.terminal))
    })
