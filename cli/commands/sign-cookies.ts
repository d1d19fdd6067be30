import { Command } from 'commander'
import type { CommandFactory } from '../command-context.ts'
import type { SignCookiesOptions } from '../sign/cookies.ts'
import { addSigningOptions } from './key-options.ts'

const examples = `
Exit status: 0 signed, 1 the keys cannot sign, 2 wrong arguments or unreadable input.

Examples:
  curl -H "$(edge-signer sign-cookies https://cdn.example.com/users/alice/ --keys keys.json)" \\
    https://cdn.example.com/users/alice/a.bin
  edge-signer sign-cookies http://localhost:8080/users/alice/ --local --jar jar
  curl -b jar http://localhost:8080/users/alice/notes.txt`

/** `edge-signer sign-cookies`: the cookies of one prefix. */
export const signCookiesCommand: CommandFactory = (context) =>
  addSigningOptions(
    new Command('sign-cookies')
      .description('Sign cookies for everything below a prefix; prints one Cookie header line.')
      .argument('<prefix>', 'https://<host>/<prefix>/'),
  )
    .option('--jar <file>', 'write a Netscape cookie jar instead (- is standard output)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (prefix: string, options: SignCookiesOptions) => {
      const { runSignCookies } = await import('../sign/cookies.ts')
      context.exit(await runSignCookies(prefix, options, context.terminal))
    })
